/**
 * Produce, versions 3-13 (0-2 are advertised and refused: see 00-produce-old.ts).
 *
 * All batches of a request are appended in their order before the next request of the connection starts, and awaited
 * together. Each partition answers for itself. acks=1 and acks=all mean the same where a broker is alone: acknowledged as the
 * topic's flush policy says. Where it has replicas, acks=all waits for those that are in sync too. acks=0 gets no answer; an error then closes the connection, as in Kafka, so that the client notices.
 */

import type { ProduceResult, ProduceRequest as ProduceTarget } from '../../broker/contract.js'
import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { uuidText } from '../../core/randomness.js'
import { type ProduceRequest, type ProduceResponse, produce } from '../schemas/index.js'
import { type Answer, type Call, ClosesConnection, endpoint, noAnswer } from './handler.js'
import { refusalOf, storageAwareCode, transactionCode } from './refusals.js'

const allReplicas = -1

/** Codec number of zstd, in the low bits of the second attribute byte of a batch. */
const zstd = 4
const attributesLowByte = 22
const codecBits = 0x07

type PartitionAnswer = ProduceResponse['topics'][number]['partitions'][number]
type Topic = ProduceRequest['topics'][number]
type Outcome = ProduceResult | { readonly error: unknown }

export const produceEndpoint = endpoint({
  api: produce,
  advertised: [0, 13],
  order: 'append',
  // Issues all appends before anything is waited for, so that they are in the order of the requests.
  handle: (request, call) => finish(request, call, start(request, call)),
  refuse: (request, error, version) => ({
    topics: request.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map(({ index }) => partitionAnswer(index, { error }, version)),
    })),
  }),
})

/** Why nothing of a request is appended. The transactional id is not asked for: each batch names its producer. */
function refusalOfAll({ acks }: ProduceRequest): HoldfastError | undefined {
  if (acks === allReplicas || acks === 0 || acks === 1) return undefined
  return new HoldfastError('INVALID_REQUIRED_ACKS', `acks is ${acks}; it must be -1 (all), 0 or 1.`)
}

function start(request: ProduceRequest, call: Call): Promise<Outcome>[][] {
  const refused = refusalOfAll(request)
  const acks = request.acks === allReplicas ? undefined : 'leader'
  return request.topics.map((topic) => {
    const name = call.version < 13 ? topic.name : call.broker.topicName(topic.topicId)
    const error = refused ?? (name === undefined ? unknownId(topic) : undefined)
    return topic.partitions.map(({ index, records }) => {
      if (error !== undefined) return Promise.resolve({ error })
      return append(call, { topic: name as string, partition: index, acks }, records).catch((reason: unknown) => ({
        error: reason,
      }))
    })
  })
}

async function append(call: Call, target: Omit<ProduceTarget, 'batch'>, batch: Buffer | null): Promise<Outcome> {
  if (batch === null || batch.length === 0) {
    throw new HoldfastError(
      'INVALID_RECORD',
      `Partition ${target.partition} of ${target.topic} was sent no record batch.`,
    )
  }
  if (call.version < 7 && batch.length > attributesLowByte && (batch[attributesLowByte] & codecBits) === zstd) {
    throw new HoldfastError('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs a Produce request of version 7 or later.')
  }
  return call.broker.produce({ ...target, batch })
}

async function finish(
  request: ProduceRequest,
  call: Call,
  outcomes: Promise<Outcome>[][],
): Promise<Answer<typeof produce>> {
  const settled = await Promise.all(outcomes.map((ofTopic) => Promise.all(ofTopic)))
  // What was acknowledged is in the file. What was refused may still be on its way there, as after FLUSH_DISK_TIMEOUT.
  if (settled.every((ofTopic) => ofTopic.every(isAcknowledged))) call.loans.add(call.recycleFrame)
  if (request.acks === 0) return concludeUnanswered(settled.flat())
  return {
    topics: request.topics.map((topic, at) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitions: topic.partitions.map(({ index }, nth) => partitionAnswer(index, settled[at][nth], call.version)),
    })),
  }
}

function isAcknowledged(outcome: Outcome): boolean {
  return !('error' in outcome)
}

function concludeUnanswered(outcomes: readonly Outcome[]): typeof noAnswer {
  for (const outcome of outcomes) {
    if ('error' in outcome) {
      throw new ClosesConnection(`A Produce request with acks=0 failed: ${refusalOf(outcome.error).errorMessage}`)
    }
  }
  return noAnswer
}

function partitionAnswer(index: number, outcome: Outcome, version: number): PartitionAnswer {
  if (!('error' in outcome)) {
    const { baseOffset, logAppendTimeMs, logStartOffset } = outcome
    return { index, errorCode: 0, baseOffset, logAppendTimeMs, logStartOffset }
  }
  return {
    index,
    errorCode: errorCodeOf(outcome.error, version),
    baseOffset: -1,
    errorMessage: refusalOf(outcome.error).errorMessage,
  }
}

function errorCodeOf(error: unknown, version: number): number {
  const code = storageAwareCode(error, version >= 4)
  if (code !== kafkaCodeOf(error)) return code
  return transactionCode(error, { knowsFenced: true, knowsAbortable: version >= 11 })
}

function unknownId(topic: Topic): HoldfastError {
  return new HoldfastError('UNKNOWN_TOPIC_ID', `There is no topic of the id ${uuidText(topic.topicId)}.`)
}
