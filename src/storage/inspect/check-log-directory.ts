/** Checks a Kafka log.dir: its files, its checkpoints, and every partition directory in it. */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { parsePartitionDirectoryName, partitionDirectoryName } from '../segments/format.js'
import { decodeProperties } from '../segments/text-files.js'
import type { Topic } from '../topic-catalog.js'
import { checkPartition, type PartitionFacts } from './check-partition.js'
import type { BatchObserver } from './check-segment.js'
import { type Checkpoints, compareCheckpoints, readCheckpoints } from './checkpoint-files.js'
import type { Findings } from './findings.js'
import { kindOfName } from './names.js'
import { readSmallFile } from './open-file.js'

export interface LogDirectoryRequest {
  readonly logPath: string
  /** Of the data directory; undefined where there is none, as for one that Kafka keeps. */
  readonly topics?: readonly Topic[]
  readonly clusterId?: string
  /** Only this partition directory is looked into. */
  readonly only?: string
  /** Where a topic does not say itself. */
  readonly indexIntervalBytes: number
  readonly deep: boolean
  /** Sees the batches of one partition; undefined where nobody wants to. */
  readonly observerOf?: (topic: string, partition: number) => BatchObserver | undefined
  readonly onBytes: (bytes: number) => void
}

export interface LogDirectoryFacts {
  readonly logPath: string
  /** It was closed in order. */
  readonly clean: boolean
  readonly checkpoints: Checkpoints
  readonly partitions: readonly PartitionFacts[]
}

/** What Kafka itself leaves in a log.dir beside the partitions. */
const kafkasOwn = /^(__cluster_metadata-\d+|remote-log-index-cache|bootstrap\.checkpoint)$/

export async function checkLogDirectory(
  disk: Disk,
  request: LogDirectoryRequest,
  findings: Findings,
): Promise<LogDirectoryFacts> {
  const { logPath, topics, only } = request
  const entries = (await disk.list(logPath)) ?? []
  const clean = entries.some(({ name }) => name === '.kafka_cleanshutdown')
  const checkpoints = await readCheckpoints(disk, logPath, findings)
  if (only === undefined) {
    for (const { name, isDirectory } of entries) checkName(join(logPath, name), name, isDirectory, findings)
    await checkMetaProperties(disk, request, findings)
  }
  const names = entries.flatMap(({ name, isDirectory }) => {
    const isWanted = isDirectory && parsePartitionDirectoryName(name) !== undefined && !kafkasOwn.test(name)
    return isWanted && (only === undefined || name === only) ? name : []
  })
  const partitions: PartitionFacts[] = []
  for (const name of names.sort())
    partitions.push(await checkOne(disk, request, { name, clean, checkpoints }, findings))
  if (only === undefined) {
    if (topics !== undefined) checkTopics(logPath, topics, names, findings)
    const logs = partitions.map(({ directory, endOffset, isDamaged }) => ({
      name: directory.slice(logPath.length + 1),
      endOffset: isDamaged ? undefined : endOffset,
    }))
    compareCheckpoints(logPath, checkpoints, logs, { clean, isOurs: topics !== undefined }, findings)
  }
  return { logPath, clean, checkpoints, partitions }
}

function checkOne(
  disk: Disk,
  request: LogDirectoryRequest,
  { name, clean, checkpoints }: { name: string; clean: boolean; checkpoints: Checkpoints },
  findings: Findings,
): Promise<PartitionFacts> {
  const { logPath, topics, deep, indexIntervalBytes, observerOf, onBytes } = request
  const parsed = parsePartitionDirectoryName(name)
  const topic = topics?.find((one) => one.name === parsed?.topic)
  const observer = parsed && observerOf?.(parsed.topic, parsed.partition)
  return checkPartition(
    disk,
    {
      directory: join(logPath, name),
      recoveryPoint: checkpoints.recoveryPoint?.get(name),
      logStartOffset: checkpoints.logStart?.get(name),
      highWatermark: checkpoints.highWatermark?.get(name),
      topicId: topic?.id,
      // Of Kafka's own nobody knows whether compaction has worked on them.
      mayHaveHoles: topic === undefined || topic.adopted === true || topic.compacted === true,
      clean,
      indexInterval: {
        bytes: Number(topic?.config['index.interval.bytes'] ?? indexIntervalBytes),
        isOurs: topic !== undefined && topic.adopted !== true,
      },
      deep,
      observer,
      onBytes,
    },
    findings,
  )
}

function checkName(path: string, name: string, isDirectory: boolean, findings: Findings): void {
  if (kafkasOwn.test(name)) return
  if (!isDirectory) {
    const { kind } = kindOfName(name)
    if (kind === 'leftover') findings.add('leftover', path, 'A file that was being written when the process ended')
    else if (!['checkpoint', 'properties', 'mark'].includes(kind))
      findings.add('foreign-file', path, 'It does not belong into a log directory')
    return
  }
  if (/^\S+-\S+\.\S+-delete$/.test(name)) findings.add('leftover', path, 'The removal of a topic was interrupted')
  else if (/^\S+-\S+\.\S+-(stray|future)$/.test(name)) findings.add('set-aside', path, 'Kafka set it aside')
  else if (parsePartitionDirectoryName(name) === undefined) {
    findings.add('foreign-file', path, 'It is no partition directory; Kafka would refuse to start')
  }
}

async function checkMetaProperties(
  disk: Disk,
  { logPath, clusterId }: LogDirectoryRequest,
  findings: Findings,
): Promise<void> {
  const path = join(logPath, 'meta.properties')
  const bytes = await readSmallFile(disk, path)
  if (bytes === undefined) {
    // A store takes a log directory without it for one whose volume is not there.
    const severity = clusterId === undefined ? 'warning' : 'error'
    findings.add('metadata-missing', path, 'It is missing', { severity })
    return
  }
  const properties = decodeProperties(bytes)
  const { version } = properties
  const id = properties['node.id'] ?? properties['broker.id']
  if (
    (version !== '0' && version !== '1') ||
    !/^\d+$/.test(id ?? '') ||
    (version === '1' && !properties['cluster.id'])
  ) {
    findings.add('metadata-unreadable', path, 'It lacks a version, cluster id or node id')
  } else if (clusterId !== undefined && properties['cluster.id'] !== clusterId) {
    const what = `It names cluster ${properties['cluster.id']}, and holdfast.json ${clusterId}`
    findings.add('metadata-wrong', path, what)
  }
}

function checkTopics(logPath: string, topics: readonly Topic[], names: readonly string[], findings: Findings): void {
  const present = new Set(names)
  const listed = new Set<string>()
  for (const { name, partitions, deleting, layout } of topics) {
    if (layout === 'commitlog') continue
    for (let partition = 0; partition < partitions; partition++) {
      const directory = partitionDirectoryName(name, partition)
      listed.add(directory)
      if (present.has(directory) || deleting) continue
      findings.add(
        'directory-missing',
        join(logPath, directory),
        `config/topics.json lists ${name} with ${partitions} partitions`,
      )
    }
  }
  for (const name of names) {
    if (!listed.has(name))
      findings.add('directory-unlisted', join(logPath, name), 'config/topics.json does not list it')
  }
}
