/** How the sampler sees a broker of this process. */

import { dirname, resolve } from 'node:path'
import type { Broker } from '../broker/broker.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { MetricsRegistry } from '../core/metrics/registry.js'
import type { Disk } from '../files/disk.js'
import { poolSize } from '../files/gate.js'
import { type DeviceProbe, probeDevice } from './device-probe.js'
import type { KeptForever } from './figures.js'
import { hostFacts } from './host.js'
import type { Watched } from './sampler.js'
import { logEvidence } from './troubled-logs.js'

export interface WatchOptions {
  /** What the broker was opened with. */
  readonly metrics: MetricsRegistry
  readonly dataPath: string
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

/** The configuration of so many topics is read each time, those that hold most. */
const largestTopics = 20

export async function watchBroker(broker: Broker, options: WatchOptions): Promise<Watched> {
  const { metrics, dataPath, disk } = options
  const { path: logPath } = await broker.logDirectory()
  return {
    settings: broker.settings,
    path: logPath,
    poolThreads: poolSize(),
    snapshot: () => metrics.snapshot(),
    keptForever: () => keptForever(broker),
    logs: () => logEvidence(broker.stored),
    callOnPool: async () => {
      await disk.stat(dataPath)
    },
    host: () => hostFacts(logPath, disk),
    probe: () => probeQuietly(probeDirectory(dataPath, logPath), options),
  }
}

/** Beside the logs where they lie in the data directory; else among them, since another disk may be mounted there. */
export function probeDirectory(dataPath: string, logPath: string): string {
  return dirname(resolve(logPath)) === resolve(dataPath) ? dataPath : logPath
}

async function probeQuietly(
  directory: string,
  { disk, clock, logger }: WatchOptions,
): Promise<DeviceProbe | undefined> {
  try {
    return await probeDevice(directory, { disk, clock })
  } catch (err) {
    logger.warn({ directory, err }, 'The device could not be probed; advice that needs it is left out.')
    return undefined
  }
}

/** Of the layout `segments`: a commit log deletes by rules of its own, for all its topics. */
async function keptForever(broker: Broker): Promise<readonly KeptForever[]> {
  if (broker.settings['store.retention.bytes'] !== -1) return []
  const topics = (await broker.describeTopics(null))
    .filter(({ isInternal }) => !isInternal)
    .map(({ name, partitions }) => ({
      topic: name,
      sizeInBytes: partitions.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0),
    }))
    .sort((a, b) => b.sizeInBytes - a.sizeInBytes)
    .slice(0, largestTopics)
  const kept = await Promise.all(topics.map(({ topic }) => deletesNothing(broker, topic)))
  return topics.filter((_, i) => kept[i])
}

async function deletesNothing(broker: Broker, topic: string): Promise<boolean> {
  try {
    const config = new Map((await broker.describeConfig(topic)).map(({ name, value }) => [name, value]))
    return (
      config.get('storage.layout') !== 'commitlog' &&
      config.get('cleanup.policy') === 'delete' &&
      config.get('retention.ms') === '-1' &&
      config.get('retention.bytes') === '-1'
    )
  } catch {
    // It was deleted meanwhile.
    return false
  }
}
