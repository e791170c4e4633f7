/** What all messages of one queue have in common, made once: the fields in front of the body, with zeros for the rest. */

import { HoldfastError } from '../../core/errors.js'
import { at, atWithV4Hosts, hostV4Bytes, longestTopicV1, magic, ownMark, scheduleTopic, sysFlag } from './format.js'
import { tagsSeed, topicHash } from './hashes.js'

/** The length is an i16. */
const longestTopicV2 = 0x7fff

export interface PreparedQueue {
  readonly topic: string
  readonly queueId: number
  /** What the hashes of its keys go on from. */
  readonly topicSeed: number
  /** And those of its tags. */
  readonly tagsSeed: number
  readonly isScheduleTopic: boolean
  /** A message up to its body. */
  readonly head: Buffer
  /** The topic behind its length. */
  readonly topicField: Buffer
  /** By how much the hosts move what lies behind the first of them, and behind both. */
  readonly bornHostMore: number
  readonly hostsMore: number
  /** Name of the header that is the message's id, as bytes. */
  readonly idHeader: Buffer
}

export interface QueueIdentity {
  readonly topic: string
  readonly queueId: number
  /** As `hostBytes` gives it: the message ids begin with it. It stands for the sender's host too, which is not known. */
  readonly storeHost: Buffer
  /** Setting `key.index.id.header`. */
  readonly idHeader: string
}

/** @throws INVALID_TOPIC_EXCEPTION where the topic is longer than a message can say */
export function prepareQueue({ topic, queueId, storeHost, idHeader }: QueueIdentity): PreparedQueue {
  const topicBytes = Buffer.from(topic)
  if (topicBytes.length > longestTopicV2) {
    throw new HoldfastError(
      'INVALID_TOPIC_EXCEPTION',
      `The topic's name has ${topicBytes.length} bytes; a message of the commit log has room for ${longestTopicV2}.`,
    )
  }
  const isV1 = topicBytes.length <= longestTopicV1
  const hostMore = storeHost.length - hostV4Bytes
  const head = Buffer.alloc(atWithV4Hosts.body + 2 * hostMore)
  head.writeInt32BE(isV1 ? magic.messageV1 : magic.messageV2, at.magic)
  head.writeInt32BE(queueId, at.queueId)
  head.writeInt32BE(hostMore === 0 ? 0 : sysFlag.bornHostV6 | sysFlag.storeHostV6, at.sysFlag)
  head.set(storeHost, at.bornHost)
  head.set(storeHost, atWithV4Hosts.storeHost + hostMore)
  head.writeInt32BE(ownMark.high, atWithV4Hosts.preparedTransactionOffset + 2 * hostMore)
  head.writeInt32BE(ownMark.low, atWithV4Hosts.preparedTransactionOffset + 2 * hostMore + 4)
  return {
    topic,
    queueId,
    topicSeed: topicHash(topic),
    tagsSeed: tagsSeed(topicHash(topic)),
    isScheduleTopic: topic === scheduleTopic,
    head,
    topicField: Buffer.concat([isV1 ? Buffer.of(topicBytes.length) : int16(topicBytes.length), topicBytes]),
    bornHostMore: hostMore,
    hostsMore: 2 * hostMore,
    idHeader: Buffer.from(idHeader),
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
