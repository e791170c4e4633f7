/**
 * The profiles: ready-made sets of values, laid over the defaults and under everything that is given by name. A value is
 * in a set only where the default would work against what the set is for.
 */

import type { Settings } from './settings-table.js'

export type ProfileName = Settings['profile']

export interface Profile {
  readonly values: Partial<Settings>
  /** What it is for and why it holds these values; for docs/settings.md. */
  readonly help: string
}

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  reliable: {
    values: { 'flush.disk.type': 'SYNC_FLUSH' },
    help: 'An acknowledged message is on the disk. These are the defaults.',
  },
  fast: {
    values: {
      'flush.disk.type': 'ASYNC_FLUSH',
      'flush.commitlog.interval': 100_000,
      'flush.interval.ms': 500,
    },
    help:
      'An acknowledged message survives the death of the process, not of the machine: up to half a second of it is lost there. ' +
      'A busy log is flushed by time rather than every 1000 messages.',
  },
  hybrid: {
    values: { 'flush.disk.type': 'BATCH_FLUSH', 'flush.batch.size': 100, 'flush.interval.ms': 10 },
    help:
      'An acknowledged message is on the disk, and messages of many slow senders share a flush: a round closes at 100 messages or after 10 ms, ' +
      'so a lone message waits 10 ms longer than under reliable. For disks whose flushes are dear or counted.',
  },
}
