/** Random batches with keys, in and out of transactions, for a log that is compacted afterwards. */

import { buildBatch } from '../../src/records/builder.js'
import { codecNames } from '../../src/records/format.js'
import type { RecordInput } from '../../src/records/record.js'
import type { AppendReceipt, PartitionLog } from '../../src/storage/partition-log.js'
import type { Dice } from '../crash/seeded.js'

const keys = 400

/** One with a producer id; those of an even one write in transactions. */
interface Writer {
  readonly producerId: number
  producerEpoch: number
  nextSequence: number
  inTransaction: boolean
}

export class KeyedWrites {
  readonly #chance: Dice
  readonly #startMs: number
  readonly #writers: Writer[]
  #written = 0

  /** @param startMs the time of the first record; the others follow it, by and large */
  constructor(chance: Dice, startMs: number) {
    this.#chance = chance
    this.#startMs = startMs
    const writerOf = (producerId: number): Writer => ({
      producerId,
      producerEpoch: 0,
      nextSequence: 0,
      inTransaction: false,
    })
    this.#writers = Array.from({ length: 8 }, (_, i) => writerOf(1000 + i))
  }

  /** So many batches and markers. */
  async write(log: PartitionLog, batches: number): Promise<void> {
    for (let i = 0; i < batches; i++) {
      const writer = this.#chance.next() < 0.8 ? this.#pick(this.#writers) : undefined
      await this.#step(log, writer).acknowledged
    }
  }

  async endTransactions(log: PartitionLog): Promise<void> {
    for (const writer of this.#writers) if (writer.inTransaction) await this.#end(log, writer).acknowledged
  }

  #step(log: PartitionLog, writer: Writer | undefined): AppendReceipt {
    const codec = this.#pick(codecNames)
    const records = Array.from({ length: this.#chance.between(1, 12) }, () => this.#record())
    if (writer === undefined) return log.append(buildBatch(records, { codec }))
    if (writer.inTransaction && this.#chance.next() < 0.3) return this.#end(log, writer)
    if (!writer.inTransaction && this.#chance.next() < 0.05) {
      writer.producerEpoch++
      writer.nextSequence = 0
    }
    const isTransactional = writer.producerId % 2 === 0
    const { producerId, producerEpoch, nextSequence: baseSequence } = writer
    writer.nextSequence += records.length
    writer.inTransaction = isTransactional
    return log.append(buildBatch(records, { codec, producerId, producerEpoch, baseSequence, isTransactional }))
  }

  #end(log: PartitionLog, writer: Writer): AppendReceipt {
    writer.inTransaction = false
    const { producerId, producerEpoch } = writer
    return log.endTransaction({ producerId, producerEpoch, coordinatorEpoch: 0, commit: this.#chance.next() < 0.6 })
  }

  #record(): RecordInput {
    const chance = this.#chance
    const value = Buffer.alloc(chance.between(0, 1500), `value ${this.#written} `)
    // Such as hardly compresses, so that there is more than a segment of it.
    for (let at = 8; at + 8 <= value.length; at += 8) value.writeDoubleBE(chance.next(), at)
    const headers = chance.next() < 0.2 ? [{ key: 'trace', value: Buffer.from(`${this.#written}`) }] : []
    return {
      // Some keys change all the time, some hardly ever.
      key: Buffer.from(`key ${Math.floor(keys * chance.next() ** 2)}`),
      value: chance.next() < 0.15 ? null : value,
      headers,
      timestamp: this.#startMs + this.#written++ * 10 + chance.between(0, 500),
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#chance.between(0, from.length - 1)]
  }
}
