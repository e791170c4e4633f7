/** A transaction coordinator with its clock, its log, and partitions that remember the markers they were given. */

import { ManualClock } from '../../../sim/manual-clock.js'
import type { TopicPartition } from '../../../src/broker/contract.js'
import type { TransactionalProducer } from '../../../src/broker/transactions/contract.js'
import { TransactionCoordinator } from '../../../src/broker/transactions/coordinator.js'
import type { ExpectedProducer } from '../../../src/broker/transactions/transitions.js'
import { HoldfastError } from '../../../src/core/errors.js'
import { silentLogger } from '../../../src/core/logger.js'
import { resolveSettings, type SettingsInput } from '../../../src/core/settings.js'
import { MemoryLog } from '../groups/memory-log.js'
import { MemoryTopic } from '../groups/world.js'

/** What outlives a coordinator. */
export class Surroundings {
  readonly clock = new ManualClock()
  topic = new MemoryTopic([new MemoryLog('__transaction_state', 0)])
  /** As `orders-0: COMMIT 7/0 by 1`, in the order in which they came. */
  readonly markers: string[] = []
  /** Partitions that take no marker now, as `orders-0`. */
  readonly broken = new Set<string>()
  /** Partitions that cannot be flushed now. */
  readonly unflushable = new Set<string>()
  nextProducerId = 0
  epoch = -1
}

export class TransactionWorld {
  readonly around: Surroundings
  readonly coordinator: TransactionCoordinator

  constructor(settings: SettingsInput = {}, around = new Surroundings()) {
    this.around = around
    this.coordinator = new TransactionCoordinator({
      clock: around.clock,
      logger: silentLogger,
      settings: resolveSettings(settings),
      openTransactionTopic: async () => around.topic,
      nextEpoch: async () => ++around.epoch,
      takeProducerId: async () => around.nextProducerId++,
      writeMarker: async ({ topic, partition }, marker) => {
        const place = `${topic}-${partition}`
        if (around.broken.has(place)) throw new HoldfastError('LOG_FAILED')
        const { producerId, producerEpoch, coordinatorEpoch, commit } = marker
        const outcome = commit ? 'COMMIT' : 'ABORT'
        around.markers.push(`${place}: ${outcome} ${producerId}/${producerEpoch} by ${coordinatorEpoch}`)
      },
      makeDurable: async ({ topic, partition }) => {
        if (around.unflushable.has(`${topic}-${partition}`)) throw new HoldfastError('COORDINATOR_NOT_AVAILABLE')
      },
    })
  }

  get log(): MemoryLog {
    return this.around.topic.log(0)
  }

  async init(id = 't', expected?: ExpectedProducer, timeoutMs = 60_000): Promise<TransactionalProducer> {
    const identity = await this.coordinator.initProducer(id, timeoutMs, expected)
    return { transactionalId: id, ...identity }
  }

  /** A producer with a transaction open that has written to these partitions. */
  async begun(...places: TopicPartition[]): Promise<TransactionalProducer> {
    const producer = await this.init()
    await this.coordinator.addPartitions(producer, places.length === 0 ? [orders(0)] : places)
    return producer
  }

  /** The same logs, all that was durable, under a new coordinator that has begun to read them. */
  restarted(settings: SettingsInput = {}): TransactionWorld {
    this.around.topic = this.around.topic.crashed()
    return new TransactionWorld(settings, this.around)
  }

  async status(id = 't'): Promise<string> {
    return (await this.coordinator.describeTransaction(id)).status
  }
}

export function orders(partition: number): TopicPartition {
  return { topic: 'orders', partition }
}
