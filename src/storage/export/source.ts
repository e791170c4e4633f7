/** What a data directory has to give: its topics, and their logs as they lie there. It is read, and nothing else. */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import { mapParallel } from '../../core/parallel.js'
import type { Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import { RecordBatch } from '../../records/batch.js'
import { prepareCodec } from '../../records/compression/index.js'
import { checkpointFile, readOffsets } from '../checkpoints.js'
import { withFile } from '../inspect/open-file.js'
import { type Target, targetOf } from '../inspect/target.js'
import { isInternalTopic, offsetsTopicName } from '../internal-topics.js'
import { BatchScanner } from '../segments/batch-scanner.js'
import { maxRelativeOffset, partitionDirectoryName, segmentFileName, suffix } from '../segments/format.js'
import { type Topic, TopicCatalog } from '../topic-catalog.js'
import type { StoredGroups } from './contract.js'
import { readSourceLog, type SourceLog } from './source-log.js'

/** A data directory with logs in Kafka's layout. */
export interface SourceDirectory extends Target {
  readonly dataPath: string
  readonly logPath: string
}

/** @throws INVALID_ARGUMENT where it is none */
export async function sourceDirectory(disk: Disk, path: string, settings: Settings): Promise<SourceDirectory> {
  const target = await targetOf(disk, path, settings)
  const { dataPath, logPath } = target
  if (dataPath !== undefined && logPath !== undefined && target.file === undefined && target.only === undefined) {
    return { ...target, dataPath, logPath }
  }
  throw new HoldfastError('INVALID_ARGUMENT', `${path} is no data directory: it has no holdfast.json.`)
}

export interface ExportableTopics {
  readonly catalog: TopicCatalog
  /** Those that are to go, in the order of their names. */
  readonly topics: readonly Topic[]
  /** Names that were asked for and are not there. */
  readonly unknown: readonly string[]
}

/** The topics of these names, or all but the broker's own. */
export async function exportableTopics(
  disk: Disk,
  { dataPath }: Pick<SourceDirectory, 'dataPath'>,
  names: readonly string[] | undefined,
): Promise<ExportableTopics> {
  const catalog = await TopicCatalog.load(disk, join(dataPath, 'config'))
  const all = catalog.all().filter(({ name, deleting }) => !deleting && !isInternalTopic(name))
  const topics = all.filter(({ name }) => names === undefined || names.includes(name))
  topics.sort((one, other) => (one.name < other.name ? -1 : 1))
  const known = new Set(topics.map(({ name }) => name))
  return { catalog, topics, unknown: (names ?? []).filter((name) => !known.has(name)) }
}

/** So many logs are read at a time. */
const logsAtOnce = 8

/** The logs of these topics. @throws LOG_DAMAGED, DATA_DIR_DAMAGED */
export async function sourceLogs(disk: Disk, logPath: string, topics: readonly Topic[]): Promise<SourceLog[]> {
  const read = (name: string) => readOffsets(disk, logPath, name)
  const starts = await read(checkpointFile.logStart)
  const ends = await read(checkpointFile.recoveryPoint)
  const cleaned = await read(checkpointFile.cleaner)
  const partitions = topics.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  return mapParallel(partitions, logsAtOnce, ({ topic, partition }) => {
    const name = partitionDirectoryName(topic, partition)
    return readSourceLog(disk, {
      topic,
      partition,
      directory: join(logPath, name),
      logStartOffset: starts.get(name) ?? 0,
      endOffset: ends.get(name),
      cleanedUpTo: cleaned.get(name),
    })
  })
}

/** The log of the groups; undefined where no group was ever kept. @throws LOG_DAMAGED */
export async function storedGroups(
  disk: Disk,
  logPath: string,
  catalog: TopicCatalog,
): Promise<StoredGroups | undefined> {
  const topic = catalog.get(offsetsTopicName)
  if (topic === undefined || topic.deleting) return undefined
  const logs = await sourceLogs(disk, logPath, [topic])
  return {
    partitionCount: topic.partitions,
    async *batches(partition) {
      const { directory, segments } = logs[partition]
      for (const { baseOffset } of segments) yield await batchesOf(disk, directory, baseOffset)
    },
  }
}

/** All of one segment, ready to be read. */
async function batchesOf(disk: Disk, directory: string, base: number): Promise<RecordBatch[]> {
  const path = join(directory, segmentFileName(base, suffix.log))
  const batches = await withFile(disk, path, async (file, size) => {
    const range = { start: 0, end: size, minOffset: base, maxOffset: base + maxRelativeOffset }
    const scanner = new BatchScanner(file, range, { verify: true })
    const found: RecordBatch[] = []
    for (let one = await scanner.next(); one !== undefined; one = await scanner.next())
      found.push(new RecordBatch(Buffer.from(one.batch.bytes)))
    if (scanner.stop === 'end') return found
    throw new HoldfastError('LOG_DAMAGED', `${path} holds bytes that are no batch, at ${scanner.position}.`)
  })
  for (const { codec } of batches) await prepareCodec(codec)
  return batches
}
