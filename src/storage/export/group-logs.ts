/**
 * The groups, for Kafka: it keeps each in the partition of `__consumer_offsets` that the hash of its name chooses among
 * as many as the topic has, which is rarely as many as ours. So what is known of each group now is written anew, into
 * the partition that Kafka will look for it in.
 */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { RecordBatch } from '../../records/batch.js'
import { buildBatch } from '../../records/builder.js'
import { offsetsTopicName } from '../internal-topics.js'
import { partitionDirectoryName, segmentFileName, suffix } from '../segments/format.js'
import { SegmentIndex } from '../segments/segment-index.js'
import type { CarriedGroup, GroupCarrier } from './contract.js'
import type { KafkaPartition } from './kafka-directory.js'
import { finish, writeNew } from './staging.js'

/** The batches of one partition of `__consumer_offsets`. */
export interface GroupLog {
  readonly target: KafkaPartition
  readonly groups: number
  readonly batches: readonly Buffer[]
  readonly endOffset: number
  readonly sizeInBytes: number
  readonly state: 'exported' | 'there'
}

/** Some 150 bytes each. */
const recordsPerBatch = 500

/** Kafka's default, `index.interval.bytes`. */
const indexIntervalBytes = 4096

/** As Kafka makes it, but for the number of partitions. */
export const offsetsTopicConfig = {
  'cleanup.policy': 'compact',
  'compression.type': 'producer',
  'segment.bytes': '104857600',
}
export const offsetsTopicPartitions = 50

/** What each partition gets; and what speaks against it. */
export function planGroups(
  groups: readonly CarriedGroup[],
  found: readonly KafkaPartition[],
  carrier: Pick<GroupCarrier, 'partitionOf'>,
  nowMs: number,
): { logs: readonly GroupLog[]; problems: readonly string[] } {
  const theirs = found.filter(({ topic }) => topic === offsetsTopicName)
  if (groups.length === 0) return { logs: [], problems: [] }
  if (theirs.length === 0) {
    const what = `Kafka has no topic ${offsetsTopicName}, and there are ${groups.length} groups: create it ("holdfast export --print-commands" prints how), or leave them with --no-groups`
    return { logs: [], problems: [what] }
  }
  const byPartition = new Map<number, CarriedGroup[]>()
  for (const group of groups) {
    const partition = carrier.partitionOf(group.groupId, theirs.length)
    byPartition.set(partition, [...(byPartition.get(partition) ?? []), group])
  }
  const logs: GroupLog[] = []
  const problems: string[] = []
  for (const [partition, members] of [...byPartition].sort(([one], [other]) => one - other)) {
    const name = partitionDirectoryName(offsetsTopicName, partition)
    const target = theirs.find((one) => one.partition === partition)
    if (target?.metadata === undefined) {
      problems.push(`Kafka has no ${name}, or no topic id in it: name every log.dir of the broker`)
      continue
    }
    const log = groupLog(target, members, nowMs)
    const there = target.segments.get(segmentFileName(0, suffix.log))
    const isThere = target.segments.size === 1 && there === log.sizeInBytes
    if (isThere || target.segments.size === 0) logs.push({ ...log, state: isThere ? 'there' : 'exported' })
    else
      problems.push(
        `${name} holds groups of Kafka's already, in ${target.logDir}: leave ours with --no-groups, and set their offsets with kafka-consumer-groups.sh`,
      )
  }
  return { logs, problems }
}

function groupLog(target: KafkaPartition, groups: readonly CarriedGroup[], timestamp: number): Omit<GroupLog, 'state'> {
  const records = groups.flatMap((group) => group.records)
  const batches: Buffer[] = []
  for (let from = 0; from < records.length; from += recordsPerBatch) {
    const some = records.slice(from, from + recordsPerBatch).map(({ key, value }) => ({ key, value, timestamp }))
    batches.push(buildBatch(some, { baseOffset: from, partitionLeaderEpoch: target.leaderEpoch }).bytes)
  }
  const sizeInBytes = batches.reduce((sum, { length }) => sum + length, 0)
  return { target, groups: groups.length, batches, endOffset: records.length, sizeInBytes }
}

/** Everything of one of them in `directory`, durable but for its own name. */
export async function stageGroups(disk: Disk, directory: string, log: GroupLog): Promise<void> {
  const { target, batches, endOffset, sizeInBytes } = log
  await disk.makeDirectory(directory)
  await writeNew(disk, join(directory, segmentFileName(0, suffix.log)), Buffer.concat(batches, sizeInBytes))
  const index = new SegmentIndex(0, indexIntervalBytes)
  let position = 0
  for (const bytes of batches) {
    index.add(position, new RecordBatch(bytes))
    position += bytes.length
  }
  index.seal()
  await writeNew(disk, join(directory, segmentFileName(0, suffix.offsetIndex)), index.offsets.bytes)
  await writeNew(disk, join(directory, segmentFileName(0, suffix.timeIndex)), index.times.bytes)
  const epochs = [{ epoch: target.leaderEpoch, startOffset: 0 }]
  await finish(disk, directory, { endOffset, epochs, metadata: target.metadata })
}
