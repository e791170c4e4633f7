/**
 * What consumers of a group write to each other through the broker: subscriptions, which the leader reads, and
 * assignments, which it writes. Kafka's own encoding, so that any Kafka client can be in the same group.
 *
 * Source: Kafka's ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json. A version (int16), then the
 * fields; whoever reads a newer version reads what it knows and leaves the rest.
 */

import { array, bytes, int16, int32, message, nullable, since, string, struct, Writer } from '../core/codec/index.js'
import { HoldfastError } from '../core/errors.js'

const topicPartitions = array(struct({ topic: string, partitions: array(int32) }))

const subscription = message({
  name: 'consumer subscription',
  versions: [0, 1],
  flexibleFrom: Number.POSITIVE_INFINITY,
  schema: struct({
    version: int16,
    topics: array(string),
    userData: nullable(bytes),
    ownedPartitions: since(1, topicPartitions),
  }),
})

const assignment = message({
  name: 'consumer assignment',
  versions: [0, 0],
  flexibleFrom: Number.POSITIVE_INFINITY,
  schema: struct({ version: int16, assignedPartitions: topicPartitions, userData: nullable(bytes) }),
})

/** Partitions by topic. */
export type PartitionsByTopic = ReadonlyMap<string, readonly number[]>

/** A subscription, version 1, that owns nothing yet, as of a member that gives all up before it joins again. */
export function encodeSubscription(topics: readonly string[]): Buffer {
  const writer = new Writer()
  subscription.write(writer, { version: 1, topics }, 1)
  return Buffer.concat(writer.chunks())
}

/** The topics of a subscription of any version. @throws INVALID_REQUEST */
export function decodeSubscription(encoded: Buffer): readonly string[] {
  const { version, topics } = subscription.decode(encoded, 0, { allowTrailing: true })
  checkVersion(version)
  return topics
}

export function encodeAssignment(partitions: PartitionsByTopic): Buffer {
  const assignedPartitions = [...partitions].map(([topic, numbers]) => ({ topic, partitions: numbers }))
  const writer = new Writer()
  assignment.write(writer, { version: 0, assignedPartitions }, 0)
  return Buffer.concat(writer.chunks())
}

/** An assignment of any version; empty bytes, which a leader gives to whom it gives nothing, are none. @throws INVALID_REQUEST */
export function decodeAssignment(encoded: Buffer): PartitionsByTopic {
  if (encoded.length === 0) return new Map()
  const { version, assignedPartitions } = assignment.decode(encoded, 0, { allowTrailing: true })
  checkVersion(version)
  return new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions]))
}

function checkVersion(version: number): void {
  if (version < 0) throw new HoldfastError('INVALID_REQUEST', `The consumer protocol has no version ${version}.`)
}
