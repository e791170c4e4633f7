/** From a batch of a sender to its acknowledgement: what is checked before it goes to its log, and what is waited for after. */

import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import type { Settings } from '../core/settings.js'
import { acceptBatch, codecsFor, packingOf } from '../records/accept.js'
import type { Packing } from '../records/compression/index.js'
import { at, transactionalBit } from '../records/format.js'
import { timeBounds } from '../records/time-bounds.js'
import type { AppendReceipt, PartitionLog } from '../storage/partition-log.js'
import type { ProduceRequest, ProduceResult, TopicPartition } from './contract.js'
import type { Coordination } from './coordination.js'
import { assertEnough, type TooFew } from './enough-replicas.js'
import { flushWithin } from './flush-within.js'
import { Intake, maxUncompressedBytes } from './intake.js'
import type { BrokerReplication } from './replication.js'
import { type Topics, unknownTopic } from './topics.js'

export interface AppendingOptions {
  readonly clock: Clock
  readonly topics: Topics
  readonly replication?: BrokerReplication
  /** @throws UNKNOWN_TOPIC_OR_PARTITION */
  readonly log: (place: TopicPartition) => PartitionLog
  readonly settingsOf: (topic: string) => Settings
  readonly coordination: () => Coordination
  /** Looked at again where something was waited for. @throws CLOSED, NOT_LEADER_OR_FOLLOWER */
  readonly assertTakes: () => void
}

export class Appending {
  readonly #options: AppendingOptions
  readonly #intake: Intake

  constructor(options: AppendingOptions) {
    this.#options = options
    this.#intake = new Intake(options.clock)
  }

  /** @throws what {@link acceptBatch} and {@link PartitionLog.append} throw, and for what may not be written */
  async produce(request: ProduceRequest): Promise<ProduceResult> {
    const { coordination, log: logOf, settingsOf, assertTakes, clock } = this.#options
    assertTakes()
    const { topic, partition, batch, built, durable, acks = 'all' } = request
    if (isTransactional(batch) && !coordination().transactions.isLoaded) await coordination().transactions.ready()
    // How it is to be kept is said by this topic, and not by another one that has its name once it is its turn.
    const log = logOf({ topic, partition })
    const packing = packingOf(settingsOf(topic))
    if (acks === 'all') this.#assertEnough(topic, 'NOT_ENOUGH_REPLICAS')
    const append = () => this.#append(request, log, packing)
    const taken = this.#intake.take(topic, partition, codecsFor(batch, built, packing), append)
    const receipt = taken instanceof Promise ? await taken : taken
    if (acks === 'leader') await (receipt.stored ?? receipt.acknowledged)
    else await receipt.acknowledged
    if (acks === 'all') this.#assertEnough(topic, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND')
    // Where the policy acknowledges earlier. All who ask for it meanwhile share the flush.
    if (durable && log.durableOffset <= receipt.lastOffset) {
      await flushWithin(log, clock, settingsOf(topic)['flush.commitlog.timeout'])
    }
    const { baseOffset, logAppendTimeMs } = receipt
    return { baseOffset, logAppendTimeMs, logStartOffset: log.logStartOffset }
  }

  #append(
    { topic, partition, batch, built }: ProduceRequest,
    log: PartitionLog,
    packing: Packing | undefined,
  ): AppendReceipt {
    const { assertTakes, log: logOf, topics, settingsOf, clock, coordination } = this.#options
    assertTakes()
    if (logOf({ topic, partition }) !== log) throw unknownTopic(topic)
    if (topics.isInternal(topic)) {
      throw new HoldfastError('INVALID_TOPIC_EXCEPTION', `${topic} belongs to the broker; only it writes there.`)
    }
    const settings = settingsOf(topic)
    const limits = {
      maxBatchBytes: settings['message.max.bytes'],
      // Where the layout unpacks, its topic took the batch by the size that its producer can know.
      maxRepackedBytes: settings['storage.layout'] === 'commitlog' ? Number.POSITIVE_INFINITY : undefined,
      maxUncompressedBytes,
      times: timeBounds(settings, clock.now()),
      needsKeys: settings['log.cleanup.policy'].includes('compact'),
    }
    invariant(built === undefined || built.bytes === batch, 'the batch that was built is the one that is produced')
    const verified = acceptBatch(batch, built, limits, packing)
    if (verified.isTransactional) coordination().requireOpen(verified, { topic, partition })
    return log.append(verified)
  }

  #assertEnough(topic: string, code: TooFew): void {
    const { replication, settingsOf } = this.#options
    assertEnough(replication, topic, settingsOf(topic), code)
  }
}

/** What a batch, which may be garbage yet, says of itself. */
function isTransactional(batch: Buffer): boolean {
  return batch.length > at.records && (batch[at.attributes + 1] & transactionalBit) !== 0
}
