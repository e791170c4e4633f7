/** Rules about what the host gives to this process: descriptors, locked memory, and the file system under the logs. */

import { isVolatile } from './flush-rules.js'
import { found, onceFound, type Rule } from './rule.js'
import { bytes, count, percent } from './words.js'

const remote: ReadonlySet<string> = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  'smbfs',
  'fuse.sshfs',
  'fuse.s3fs',
  'fuse.gcsfuse',
  '9p',
])
const layered: ReadonlySet<string> = new Set(['overlay', 'aufs'])

export const hostRules: readonly Rule[] = [
  {
    id: 'descriptors-few',
    severity: 'warning',
    title: 'The process may open few files',
    when: 'fewer than 4,096 file descriptors are allowed',
    leastEvidence: 'the limit itself, where the platform tells it',
    limit: { side: 'below', beyond: 4096, good: 4096 },
    measure: ({ host }) => (host?.openFilesLimit == null ? [] : [{ value: host.openFilesLimit }]),
    evidence: ({ value }) =>
      `${count(value)} open files are allowed, and fewer than 4,096 are few: logs take up to 800, and each connection one.`,
    remedy: () => 'Raise the limit before it starts: ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit.',
    setting: () => ({ name: 'LimitNOFILE', value: '65536' }),
  },
  {
    id: 'descriptors-short',
    severity: 'critical',
    title: 'The process runs out of file descriptors',
    when: 'more than 80 % of the allowed descriptors are open',
    leastEvidence: 'the limit and the number that is open, where the platform tells them',
    limit: { side: 'above', beyond: 0.8, good: 0.7 },
    measure: ({ host, window }) =>
      host?.openFilesLimit == null || window?.openFiles == null
        ? []
        : [{ value: window.openFiles / host.openFilesLimit }],
    evidence: ({ value }, { host, window }) =>
      `${count(window?.openFiles ?? 0)} of ${count(host?.openFilesLimit ?? 0)} descriptors are open, ${percent(value)}; the threshold is 80 %. Without one more no connection is taken and no segment begun.`,
    remedy: () => 'Raise the limit (ulimit -n, LimitNOFILE) and start again, or allow fewer connections until then.',
    setting: () => ({ name: 'LimitNOFILE', value: '65536' }),
  },
  {
    id: 'memory-lock-refused',
    severity: 'note',
    title: 'The active files cannot be kept in memory',
    when: 'file.warmup=lock, and less memory may be locked than one segment takes',
    leastEvidence: 'the limit itself, where the platform tells it',
    limit: onceFound,
    measure: ({ host, settings }) =>
      settings['file.warmup'] !== 'lock' ||
      host?.memoryLockLimitBytes == null ||
      host.memoryLockLimitBytes >= settings['log.segment.bytes']
        ? []
        : [{ value: found }],
    evidence: (_, { host, settings }) =>
      `file.warmup=lock wants ${bytes(settings['log.segment.bytes'])} for each log, and ${bytes(host?.memoryLockLimitBytes ?? 0)} may be locked in all; what cannot be is not, silently.`,
    remedy: () =>
      'Raise the limit before it starts (ulimit -l unlimited, or LimitMEMLOCK=infinity in the systemd unit), or only touch the memory.',
    setting: () => ({ name: 'file.warmup', value: 'touch' }),
  },
  {
    id: 'disk-in-memory',
    severity: 'critical',
    title: 'The messages lie in memory, not on a disk',
    when: 'the data directory lies on tmpfs or ramfs',
    leastEvidence: 'the table of mounts, where the platform tells it',
    limit: onceFound,
    measure: ({ host }) => (isVolatile(host?.fileSystem?.type) ? [{ value: found }] : []),
    evidence: (_, { host }) =>
      `${host?.fileSystem?.mountPoint} is ${host?.fileSystem?.type}: what lies there is gone when the machine stops, whatever the flush policy.`,
    remedy: () => 'Use a directory on a disk (--data). For tests this is fine, and fast.',
  },
  {
    id: 'disk-in-container',
    severity: 'warning',
    title: 'The messages lie in the layer of a container',
    when: 'the data directory lies on overlay or aufs',
    leastEvidence: 'the table of mounts, where the platform tells it',
    limit: onceFound,
    measure: ({ host }) => (layered.has(host?.fileSystem?.type ?? '') ? [{ value: found }] : []),
    evidence: (_, { host }) =>
      `${host?.fileSystem?.mountPoint} is ${host?.fileSystem?.type}: what lies there goes with the container.`,
    remedy: () => 'Mount a volume at the data directory, e.g. docker run -v holdfast-data:/data.',
  },
  {
    id: 'disk-remote',
    severity: 'warning',
    title: 'The messages lie on a file system across a network',
    when: 'the data directory lies on NFS, SMB or the like',
    leastEvidence: 'the table of mounts, where the platform tells it',
    limit: onceFound,
    measure: ({ host }) => (remote.has(host?.fileSystem?.type ?? '') ? [{ value: found }] : []),
    evidence: (_, { host }) =>
      `${host?.fileSystem?.mountPoint} is ${host?.fileSystem?.type}: whether a sync is durable and whether the lock holds is up to its server.`,
    remedy: () => 'Use a disk of this machine, or a block device of the cloud; keep the network for backups.',
  },
]
