/**
 * The log of a coordinator, a topic that only the broker writes to: which partition the records of an id lie in, writing
 * records, and reading them all back at the start.
 */

import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { javaHash } from '../core/java-hash.js'
import { batchesIn, type RecordBatch } from '../records/batch.js'
import { type BatchOptions, buildBatch } from '../records/builder.js'
import { prepareCodec } from '../records/compression/index.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { TooFew } from './enough-replicas.js'

const readBytes = 1024 * 1024

/** The topic as its coordinator needs it. */
export interface InternalTopic {
  /** Never changes: it decides where the records of an id lie. */
  readonly partitionCount: number
  /** The same object for as long as the broker is open: a log that failed recovers in place. */
  log(partition: number): PartitionLog
  /** Its records are acknowledged as acks=all is. Absent where no others copy it. @throws `code` */
  readonly assertEnough?: (code: TooFew) => void
}

/**
 * Opens the topic. With `create` it is made where it does not exist; without, the answer is then undefined. A function
 * that always creates it fits as well.
 */
export type OpenInternalTopic = (create: boolean) => Promise<InternalTopic | undefined>

/** A null value deletes what the key names. */
export interface InternalRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

export interface Appended {
  readonly baseOffset: number
  /** Resolves when it is durable. */
  readonly acknowledged: Promise<void>
}

/**
 * The partition of the records of a group or a transactional id. Kafka takes the absolute value of the hash, where the
 * one number that has none in 32 bits counts as 0 (Utils.abs); it does not mask the sign as for keys of messages.
 */
export function partitionOfId(id: string, partitionCount: number): number {
  const hash = javaHash(id)
  return hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitionCount
}

export interface InternalLogOptions {
  /** The name of the topic, for errors. */
  readonly name: string
  readonly topic: InternalTopic
  readonly clock: Clock
  /** What a client is told where the log refused a record of `id`. */
  readonly refusalOf: (error: HoldfastError, id: string) => HoldfastError
}

export class InternalLog {
  readonly #options: InternalLogOptions
  readonly #inFlight = new Set<Promise<unknown>>()

  constructor(options: InternalLogOptions) {
    this.#options = options
  }

  get partitionCount(): number {
    return this.#options.topic.partitionCount
  }

  partitionOf(id: string): number {
    return partitionOfId(id, this.partitionCount)
  }

  log(partition: number): PartitionLog {
    return this.#options.topic.log(partition)
  }

  /**
   * Appends one batch and resolves with the offset of its first record once it is durable.
   * @throws what `refusalOf` makes of a refusal
   */
  async append(id: string, records: readonly InternalRecord[]): Promise<number> {
    const { baseOffset, acknowledged } = this.appendNow(id, records)
    await acknowledged
    return baseOffset
  }

  /** As {@link append}, for those who have to know at once where it lies. */
  appendNow(id: string, records: readonly InternalRecord[], options: BatchOptions = {}): Appended {
    const { clock, topic } = this.#options
    const timestamp = clock.now()
    // What is forgotten nobody waits for, and a topic is deleted however few replicas there are.
    const assertEnough = records.every(({ value }) => value === null) ? undefined : topic.assertEnough
    try {
      assertEnough?.('NOT_ENOUGH_REPLICAS')
      const batch = buildBatch(
        records.map(({ key, value }) => ({ key, value, timestamp })),
        options,
      )
      const { baseOffset, acknowledged } = this.log(this.partitionOf(id)).append(batch)
      const safe =
        assertEnough === undefined
          ? acknowledged
          : acknowledged.then(() => assertEnough('NOT_ENOUGH_REPLICAS_AFTER_APPEND'))
      return { baseOffset, acknowledged: this.track(safe, id) }
    } catch (error) {
      throw this.#refusalOf(error, id)
    }
  }

  /** What was appended for `id` by other means: it is waited for, and refused in the words of this log. */
  track(acknowledged: Promise<void>, id: string): Promise<void> {
    const tracked = acknowledged.catch((error: unknown) => {
      throw this.#refusalOf(error, id)
    })
    this.#inFlight.add(tracked)
    const settled = (): void => {
      this.#inFlight.delete(tracked)
    }
    tracked.then(settled, settled)
    return tracked
  }

  /** Resolves when everything that was appended is durable or refused, and those who waited for it have gone on. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
    await new Promise<void>((resolve) => this.#options.clock.soon(resolve))
  }

  /**
   * The batches of a partition from its start up to its high watermark as of now, about a megabyte of them at a time.
   * @throws what {@link PartitionLog.read} throws; CORRUPT_MESSAGE
   */
  async *batches(partition: number): AsyncGenerator<readonly RecordBatch[]> {
    const log = this.log(partition)
    const end = log.highWatermark
    let next = log.logStartOffset
    while (next < end) {
      const slice = await log.read(next, readBytes)
      const batches = slice.records.flatMap((buffer) => [...batchesIn(buffer)])
      for (const { codec } of batches) await prepareCodec(codec)
      yield batches
      const last = batches.at(-1)
      if (last !== undefined && last.nextOffset > next) {
        next = last.nextOffset
        continue
      }
      throw new HoldfastError(
        'LOG_DAMAGED',
        `Nothing can be read of ${this.#options.name}-${partition} at offset ${next}, although it goes on to ${end}.`,
      )
    }
  }

  #refusalOf(error: unknown, id: string): unknown {
    return error instanceof HoldfastError ? this.#options.refusalOf(error, id) : error
  }
}

/** A refusal that clients take for a reason to try again, unless it is damage, which does not go away so. */
export function unavailable(error: HoldfastError, message: string): HoldfastError {
  const code = error.code === 'LOG_DAMAGED' ? error.code : 'COORDINATOR_NOT_AVAILABLE'
  return new HoldfastError(code, message, { cause: error })
}
