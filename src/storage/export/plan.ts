/** Sets our logs against what Kafka has: what each partition becomes, and everything that speaks against it, at once. */

import { segmentFileName, suffix } from '../segments/format.js'
import type { Topic } from '../topic-catalog.js'
import type { KafkaPartition } from './kafka-directory.js'
import type { SourceLog } from './source-log.js'

export interface PlannedPartition {
  readonly source: SourceLog
  readonly target: KafkaPartition
  readonly state: 'exported' | 'there' | 'empty'
  /** The latest leader epoch that its batches may bear; undefined where all of them may stay as they are. */
  readonly lowerTo: number | undefined
}

export interface Matched {
  readonly partitions: readonly PlannedPartition[]
  /** Sentences without an end. */
  readonly problems: readonly string[]
}

/** How the commands are found that make what is missing. */
const hint = '"holdfast export --print-commands" prints how'

/** @param found of Kafka, in all its log.dirs */
export function match(topics: readonly Topic[], logs: readonly SourceLog[], found: readonly KafkaPartition[]): Matched {
  const partitions: PlannedPartition[] = []
  const problems: string[] = []
  for (const topic of topics) {
    const ours = logs.filter((log) => log.topic === topic.name)
    const theirs = found.filter((one) => one.topic === topic.name)
    const problem = whyNotFitting(topic, theirs)
    if (problem !== undefined) problems.push(problem)
    else for (const source of ours) matchOne(source, theirs, partitions, problems)
  }
  return { partitions, problems }
}

function matchOne(
  source: SourceLog,
  theirs: readonly KafkaPartition[],
  partitions: PlannedPartition[],
  problems: string[],
): void {
  const { topic, partition, openTransactions, segments, endOffset } = source
  const target = theirs.find((one) => one.partition === partition)
  if (target === undefined) return
  if (openTransactions.length > 0) {
    problems.push(
      `${topic}-${partition} has an open transaction (producer ${openTransactions.join(', ')}), which Kafka would never end: serve the data directory until it has ended, at the latest when its timeout is over`,
    )
    return
  }
  const expected = new Map(
    segments.map(({ baseOffset, sizeInBytes }) => [segmentFileName(baseOffset, suffix.log), sizeInBytes]),
  )
  const isThere = expected.size > 0 && sameEntries(expected, target.segments)
  if (!isThere && target.segments.size > 0) {
    problems.push(
      `${topic}-${partition} is not empty in Kafka, in ${target.logDir}: delete the topic there, and create it anew`,
    )
    return
  }
  const state = isThere ? 'there' : endOffset === 0 ? 'empty' : 'exported'
  const latest = source.epochs.at(-1)?.epoch ?? 0
  partitions.push({ source, target, state, lowerTo: latest > target.leaderEpoch ? target.leaderEpoch : undefined })
}

function whyNotFitting(topic: Topic, theirs: readonly KafkaPartition[]): string | undefined {
  const { name, partitions } = topic
  if (topic.layout === 'commitlog') {
    return `${name} lies in the commit log, which Kafka cannot read: copy it into the running Kafka with "holdfast mirror", or consume it and produce it there`
  }
  if (theirs.length === 0) return `Kafka has no topic ${name}: create it with ${partitions} partitions (${hint})`
  const present = new Set(theirs.map(({ partition }) => partition))
  if (present.size < theirs.length) return `${name} has a partition in two of the log.dirs`
  const missing = Array.from({ length: partitions }, (_, partition) => partition).find((one) => !present.has(one))
  if (missing !== undefined) {
    return `${name} has ${partitions} partitions here, and Kafka has no directory for partition ${missing}: name every log.dir of the broker, or create the topic anew with ${partitions} partitions (${hint})`
  }
  if (present.size > partitions) {
    return `${name} has ${partitions} partitions here and ${present.size} in Kafka, where keys would go to other partitions: create it anew with ${partitions} (${hint})`
  }
  const nameless = theirs.find(({ metadata }) => metadata === undefined)
  return (
    nameless && `${nameless.directory} has no topic id in its partition.metadata: start Kafka once more, and stop it`
  )
}

function sameEntries(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): boolean {
  return one.size === other.size && [...one].every(([name, size]) => other.get(name) === size)
}
