/**
 * The way in: gathers messages into record batches, one partition each, and hands them to the broker.
 *
 * There is no timer. A batch goes when its partition has none on its way, so the batch behind it gathers for exactly
 * as long as the disk needs: group commit, one level up. A lone message goes with the microtasks of its own turn of
 * the event loop, and takes along what else was sent in it. Full batches need not wait for that: a few may be on
 * their way at once, since the broker keeps their order.
 *
 * Memory is bounded: past `maxBufferedBytes` sends wait, in their order, until a batch has been acknowledged.
 */

import type { BrokerService } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { BatchBuilder } from '../records/builder.js'
import { batchOverheadBytes, type Codec } from '../records/format.js'
import type { Header } from '../records/record.js'
import { varintSize } from '../records/varint.js'
import type { Receipt } from './message.js'

/** Who waits for one message. Exactly one of the two is called, once. */
export interface SendWaiter {
  resolve(receipt: Receipt): void
  reject(error: unknown): void
  /** Nobody waits any more; the message is left out if it is not in a batch yet. */
  readonly cancelled: boolean
}

export interface AccumulatorOptions {
  readonly service: Pick<BrokerService, 'produce'>
  readonly maxBufferedBytes: number
  readonly codec: Codec
}

/** A batch ends here even where the topic would accept a larger one: more would only make its readers wait. */
const fullBatchBytes = 1024 * 1024
/** Batches of one partition on their way at once, full ones: one is written while the next is built. More gained nothing (measured). */
const maxInFlight = 2
/** What a record may take beyond its size as the first of a batch: longer deltas, and a longer length in front. */
const laterRecordBytes = 16

class Batch {
  readonly builder: BatchBuilder
  readonly waiters: SendWaiter[] = []
  readonly timestamps: number[] = []

  constructor(codec: Codec) {
    this.builder = new BatchBuilder({ codec })
  }
}

/** What belongs to one partition: the batch that gathers, those that are full, and how many are on their way. */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** The largest batch that the topic accepts. */
  maxBatchBytes: number
  /** Called when a batch takes no more messages. */
  readonly onClosed: (partition: number) => void
  readonly onRefused: (error: unknown) => void
  gathering: Batch | undefined
  readonly full: Batch[] = []
  inFlight = 0
  scheduled = false
  readonly drain: () => void

  constructor(
    accumulator: Accumulator,
    place: { topic: string; partition: number; maxBatchBytes: number },
    events: { onClosed: (partition: number) => void; onRefused: (error: unknown) => void },
  ) {
    this.topic = place.topic
    this.partition = place.partition
    this.maxBatchBytes = place.maxBatchBytes
    this.onClosed = events.onClosed
    this.onRefused = events.onRefused
    this.drain = () => accumulator.drain(this)
  }
}

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
}

export class Accumulator {
  readonly #options: AccumulatorOptions
  #bufferedBytes = 0
  /** Sends that wait for room, in order, from `#waitingHead` on. */
  #waiting: WaitingSend[] = []
  #waitingHead = 0
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
   * Takes one message in; the waiter hears of it later. `record` is copied, and may be reused by the caller.
   * @throws MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, before anything has been taken
   */
  append(queue: PartitionQueue, record: PreparedRecord, waiter: SendWaiter): void {
    const aloneBytes = sizeAlone(record)
    if (aloneBytes > queue.maxBatchBytes) refuseLarge(queue, aloneBytes)
    if (this.#waitingHead < this.#waiting.length || !this.#hasRoom(aloneBytes)) {
      this.#waiting.push({ queue, record: { ...record }, waiter })
      return
    }
    this.#gather(queue, record, aloneBytes, waiter)
  }

  /** Resolves when everything taken in so far has been acknowledged or refused. */
  idle(): Promise<void> {
    if (this.#bufferedBytes === 0 && this.waitingSends === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Sends what may go now. Called by the queue itself, from a microtask. */
  drain(queue: PartitionQueue): void {
    queue.scheduled = false
    while (queue.inFlight < maxInFlight) {
      let batch = queue.full.shift()
      if (batch === undefined) {
        if (queue.inFlight > 0 || queue.gathering === undefined) return
        batch = queue.gathering
        queue.gathering = undefined
        queue.onClosed(queue.partition)
      }
      queue.inFlight++
      void this.#send(queue, batch)
    }
  }

  /** One message larger than all the room there is may go alone. */
  #hasRoom(sizeInBytes: number): boolean {
    return this.#bufferedBytes === 0 || this.#bufferedBytes + sizeInBytes <= this.#options.maxBufferedBytes
  }

  #gather(queue: PartitionQueue, record: PreparedRecord, aloneBytes: number, waiter: SendWaiter): void {
    let batch = queue.gathering
    if (batch !== undefined) {
      const grownBytes = batch.builder.sizeInBytes + aloneBytes - batchOverheadBytes + laterRecordBytes
      if (grownBytes > fullBatchBytes || grownBytes > queue.maxBatchBytes) {
        queue.full.push(batch)
        queue.gathering = undefined
        queue.onClosed(queue.partition)
        batch = undefined
      }
    }
    const isNew = batch === undefined
    batch ??= new Batch(this.#options.codec)
    const { builder } = batch
    const before = isNew ? 0 : builder.sizeInBytes
    builder.append(record)
    batch.waiters.push(waiter)
    batch.timestamps.push(record.timestamp)
    this.#bufferedBytes += builder.sizeInBytes - before
    if (!isNew) return
    queue.gathering = batch
    this.#schedule(queue)
  }

  #schedule(queue: PartitionQueue): void {
    const mayGo = queue.inFlight === 0 || (queue.full.length > 0 && queue.inFlight < maxInFlight)
    if (queue.scheduled || !mayGo) return
    queue.scheduled = true
    queueMicrotask(queue.drain)
  }

  async #send(queue: PartitionQueue, batch: Batch): Promise<void> {
    const { topic, partition } = queue
    const { builder, waiters, timestamps } = batch
    const sizeInBytes = builder.sizeInBytes
    let failure: unknown
    let failed = false
    try {
      const { baseOffset, logAppendTimeMs } = await this.#options.service.produce({
        topic,
        partition,
        batch: builder.build().bytes,
      })
      for (let index = 0; index < waiters.length; index++) {
        const timestamp = logAppendTimeMs >= 0 ? logAppendTimeMs : timestamps[index]
        waiters[index].resolve({ topic, partition, offset: baseOffset + index, timestamp })
      }
    } catch (error) {
      failed = true
      failure = error
    }
    if (failed) {
      queue.onRefused(failure)
      for (const waiter of waiters) waiter.reject(failure)
    }
    queue.inFlight--
    this.#bufferedBytes -= sizeInBytes
    // From a microtask: those who were just answered come first, and their next messages go along.
    if (queue.full.length > 0 || queue.gathering !== undefined) this.#schedule(queue)
    if (this.#waiting.length > 0) this.#admitWaiting()
    if (this.#bufferedBytes === 0 && this.waitingSends === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Lets those who wait in, as far as there is room. */
  #admitWaiting(): void {
    while (this.#waitingHead < this.#waiting.length) {
      const { queue, record, waiter } = this.#waiting[this.#waitingHead]
      const sizeInBytes = sizeAlone(record)
      if (!waiter.cancelled && !this.#hasRoom(sizeInBytes)) break
      this.#waitingHead++
      if (waiter.cancelled) continue
      try {
        this.#gather(queue, record, sizeInBytes, waiter)
      } catch (error) {
        waiter.reject(error)
      }
    }
    // The part that was let in is cut off in large pieces, so that no send pays for moving the whole line.
    if (this.#waitingHead * 2 < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#waitingHead)
    this.#waitingHead = 0
  }
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
