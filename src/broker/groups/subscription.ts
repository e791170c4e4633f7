/**
 * The one thing the coordinator reads out of a consumer's subscription: its topics. The rest (owned partitions, user
 * data) belongs to the assignors of the clients.
 *
 * Source: https://kafka.apache.org/protocol, ConsumerProtocolSubscription: a version, then an array of topic names,
 * the same at the head of every version.
 */

import { FieldReader } from './format-bytes.js'

/** The protocol type of consumers; members of other types encode what they like. */
export const consumerProtocolType = 'consumer'

/** The topics of a subscription, or undefined where the bytes are no consumer's subscription. */
export function subscribedTopics(metadata: Buffer): ReadonlySet<string> | undefined {
  try {
    const reader = new FieldReader(metadata)
    reader.int16()
    return new Set(reader.array(() => reader.string()))
  } catch {
    return undefined
  }
}

/** Two subscriptions name the same topics, or one of them cannot be read and nothing speaks against it. */
export function sameTopics(one: Buffer, other: Buffer): boolean {
  const topics = subscribedTopics(one)
  const others = subscribedTopics(other)
  if (topics === undefined || others === undefined) return true
  return topics.size === others.size && [...topics].every((topic) => others.has(topic))
}
