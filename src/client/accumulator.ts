/**
 * The way in: gathers messages into record batches, one partition each, and hands them to the broker.
 *
 * Without `lingerMs` there is no timer. A batch goes when its partition has none on its way, so the batch behind it
 * gathers for exactly as long as the disk needs: group commit, one level up. A lone message goes with the microtasks of
 * its own turn of the event loop, and takes along what else was sent in it. Full batches need not wait for that: a few
 * may be on their way at once, since the broker keeps their order.
 *
 * Memory is bounded: past `maxBufferedBytes` sends wait, in their order, until a batch has been acknowledged.
 */

import type { BrokerService, ProduceResult } from '../broker/contract.js'
import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { batchOverheadBytes } from '../records/format.js'
import type { Header } from '../records/record.js'
import { varintSize } from '../records/varint.js'
import { BatchBuffers } from './batch-buffers.js'
import { Batch, type PartitionQueue } from './partition-queue.js'
import type { SendWaiter } from './waiters.js'

export interface AccumulatorOptions {
  readonly service: Pick<BrokerService, 'produce'>
  readonly clock: Clock
  /** Bytes of messages that are gathered or on their way at most. */
  readonly maxBufferedBytes: number
  /** A batch ends here even where the topic would accept a larger one; a single message may be larger. */
  readonly batchBytes: number
  /** How long a batch that is not full waits for more messages; with 0 it goes at once. */
  readonly lingerMs: number
}

/** Full batches of one partition on their way at once: some are written while the next ones are built. */
const maxInFlight = 8
/** What a record may take beyond its size as the first of a batch: longer deltas, and a longer length in front. */
const laterRecordBytes = 16
/** Memory kept for batches to come while none are built. */
const sparedBytes = 8 * 1024 * 1024

/** A message whose key and value are bytes by now. One object is reused for all that pass through. */
export interface PreparedRecord {
  key: Uint8Array | null
  value: Uint8Array | null
  headers: readonly Header[]
  timestamp: number
}

interface WaitingSend {
  readonly queue: PartitionQueue
  readonly record: PreparedRecord
  readonly waiter: SendWaiter
  readonly index: number
}

export class Accumulator {
  readonly #options: AccumulatorOptions
  readonly #buffers = new BatchBuffers(sparedBytes)
  #bufferedBytes = 0
  /** Sends that wait for room, in order, from `#waitingHead` on. */
  #waiting: WaitingSend[] = []
  #waitingHead = 0
  /** Those whose batch waits for more messages. */
  readonly #lingering = new Set<PartitionQueue>()
  #isFinishing = false
  #idle: (() => void)[] = []

  constructor(options: AccumulatorOptions) {
    this.#options = options
  }

  /** Bytes that are gathered or on their way. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** Sends that wait for room. */
  get waitingSends(): number {
    return this.#waiting.length - this.#waitingHead
  }

  /**
   * Takes one message in, number `index` of those that `waiter` waits for; it hears of it later. `record` is copied, and
   * may be reused by the caller.
   * @throws MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, before anything has been taken
   */
  append(queue: PartitionQueue, record: PreparedRecord, waiter: SendWaiter, index: number): void {
    const aloneBytes = sizeAlone(record)
    if (aloneBytes > queue.maxBatchBytes) refuseLarge(queue, aloneBytes)
    if (this.#waitingHead < this.#waiting.length || !this.#hasRoom(aloneBytes)) {
      this.#waiting.push({ queue, record: { ...record }, waiter, index })
      // There is nothing to wait for while others wait for room.
      if (this.#lingering.size > 0) this.#hurry()
      return
    }
    this.#gather(queue, record, aloneBytes, waiter, index)
  }

  /** Sends what lingers, and resolves when everything taken in so far has been acknowledged or refused. */
  finish(): Promise<void> {
    this.#isFinishing = true
    this.#hurry()
    if (this.#bufferedBytes === 0 && this.waitingSends === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Sends what may go now. Called by the queue itself, from a microtask. */
  drain(queue: PartitionQueue): void {
    queue.scheduled = false
    while (mayGo(queue)) {
      const batch = queue.full.shift() ?? this.#close(queue)
      if (batch === undefined) return
      queue.inFlight++
      void this.#send(queue, batch)
    }
  }

  /** One message larger than all the room there is may go alone. */
  #hasRoom(sizeInBytes: number): boolean {
    return this.#bufferedBytes === 0 || this.#bufferedBytes + sizeInBytes <= this.#options.maxBufferedBytes
  }

  #gather(queue: PartitionQueue, record: PreparedRecord, aloneBytes: number, waiter: SendWaiter, index: number): void {
    let batch = queue.gathering
    if (batch !== undefined) {
      const grownBytes = batch.builder.sizeInBytes + aloneBytes - batchOverheadBytes + laterRecordBytes
      if (grownBytes > this.#options.batchBytes || grownBytes > queue.maxBatchBytes) {
        queue.full.push(batch)
        this.#close(queue)
        batch = undefined
        // At once: the disk works while the rest of this turn is spent on the next batch.
        this.drain(queue)
      }
    }
    const isNew = batch === undefined
    batch ??= new Batch(this.#buffers.take(queue.usualBytes))
    const { builder } = batch
    const before = isNew ? 0 : builder.sizeInBytes
    builder.append(record)
    batch.waiters.add(waiter, index, record.timestamp)
    if (waiter.durable) batch.isDurable = true
    this.#bufferedBytes += builder.sizeInBytes - before
    if (isNew) this.#begin(queue, batch)
  }

  /** Lets a batch gather: with a lingering until its time has come, without one until its turn has. */
  #begin(queue: PartitionQueue, batch: Batch): void {
    queue.gathering = batch
    const { lingerMs, clock } = this.#options
    if (lingerMs === 0 || this.#isFinishing || this.waitingSends > 0) batch.isRipe = true
    else {
      this.#lingering.add(queue)
      queue.lingering = clock.schedule(lingerMs, () => this.#ripen(queue))
    }
    this.#schedule(queue)
  }

  #close(queue: PartitionQueue): Batch | undefined {
    this.#lingering.delete(queue)
    return queue.close()
  }

  #ripen(queue: PartitionQueue): void {
    this.#lingering.delete(queue)
    queue.lingering?.cancel()
    queue.lingering = undefined
    if (queue.gathering !== undefined) queue.gathering.isRipe = true
    this.#schedule(queue)
  }

  #hurry(): void {
    for (const queue of [...this.#lingering]) this.#ripen(queue)
  }

  #schedule(queue: PartitionQueue): void {
    if (queue.scheduled || !mayGo(queue)) return
    queue.scheduled = true
    queueMicrotask(queue.drain)
  }

  async #send(queue: PartitionQueue, batch: Batch): Promise<void> {
    const { topic, partition } = queue
    const { builder, waiters, isDurable } = batch
    const sizeInBytes = builder.sizeInBytes
    // A small one in between must not make the next large one grow from nothing.
    queue.usualBytes = Math.max(sizeInBytes, queue.usualBytes >>> 1)
    let result: ProduceResult | undefined
    let failure: unknown
    try {
      const built = queue.compression.build(builder)
      result = await this.#options.service.produce({ topic, partition, batch: built.bytes, built, durable: isDurable })
    } catch (error) {
      failure = error
    }
    if (result !== undefined) {
      const { baseOffset, logAppendTimeMs } = result
      waiters.acknowledge({ topic, partition, baseOffset, logAppendTimeMs })
      // Only here: where a batch was refused, a write whose outcome is unknown may still be reading from it.
      this.#buffers.give(builder.buffer)
    } else {
      queue.onRefused(failure)
      waiters.refuse(failure)
    }
    queue.inFlight--
    this.#bufferedBytes -= sizeInBytes
    // From a microtask: those who were just answered come first, and their next messages go along.
    this.#schedule(queue)
    if (this.#waiting.length > 0) this.#admitWaiting()
    if (this.#bufferedBytes === 0 && this.waitingSends === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Lets those who wait in, as far as there is room. */
  #admitWaiting(): void {
    while (this.#waitingHead < this.#waiting.length) {
      const { queue, record, waiter, index } = this.#waiting[this.#waitingHead]
      const sizeInBytes = sizeAlone(record)
      if (!waiter.cancelled && !this.#hasRoom(sizeInBytes)) break
      this.#waitingHead++
      if (waiter.cancelled) continue
      try {
        this.#gather(queue, record, sizeInBytes, waiter, index)
      } catch (error) {
        waiter.refused(index, 1, error)
      }
    }
    // The part that was let in is cut off in large pieces, so that no send pays for moving the whole line.
    if (this.#waitingHead * 2 < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#waitingHead)
    this.#waitingHead = 0
  }
}

/** Whether a batch of this partition may go now: a full one, or, alone, the one that has gathered for long enough. */
function mayGo({ full, gathering, inFlight }: PartitionQueue): boolean {
  if (full.length > 0) return inFlight < maxInFlight
  return inFlight === 0 && gathering !== undefined && gathering.isRipe
}

/** The size of a batch of this one record. */
function sizeAlone({ key, value, headers }: PreparedRecord): number {
  // Attributes, timestamp delta and offset delta are a byte each.
  let bodyBytes = 3 + fieldSize(key) + fieldSize(value) + 1
  if (headers.length > 0) {
    bodyBytes += varintSize(headers.length) - 1
    for (const header of headers) {
      const keyBytes = Buffer.byteLength(header.key)
      bodyBytes += varintSize(keyBytes) + keyBytes + fieldSize(header.value)
    }
  }
  return batchOverheadBytes + varintSize(bodyBytes) + bodyBytes
}

function fieldSize(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length
}

function refuseLarge({ topic, maxBatchBytes }: PartitionQueue, sizeInBytes: number): never {
  throw new HoldfastError(
    'MESSAGE_TOO_LARGE',
    `The message makes a batch of ${sizeInBytes} bytes; topic ${topic} accepts ${maxBatchBytes}. Send less, or raise its max.message.bytes.`,
  )
}
