/**
 * The log of all groups, `__consumer_offsets`: which partition a group's records lie in, writing records, and reading
 * them all back at the start.
 */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { RecordBatch } from '../../records/batch.js'
import { batchesIn } from '../../records/batch.js'
import { buildBatch } from '../../records/builder.js'
import { prepareCodec } from '../../records/compression/index.js'
import type { PartitionLog } from '../../storage/partition-log.js'

const readBytes = 1024 * 1024

/** The topic as the coordinator needs it. */
export interface OffsetsTopic {
  /** Never changes: it decides where a group's records lie. */
  readonly partitionCount: number
  /** The same object for as long as the broker is open: a log that failed recovers in place. */
  log(partition: number): PartitionLog
}

/**
 * Opens the topic. With `create` it is made where it does not exist; without, the answer is then undefined. A function
 * that always creates it fits as well.
 */
export type OpenOffsetsTopic = (create: boolean) => Promise<OffsetsTopic | undefined>

/** Of `__consumer_offsets`; a null value deletes what the key names. */
export interface OffsetsRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** Java's String.hashCode: 31 * hash + each UTF-16 unit, in 32 bits. */
export function javaStringHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}

/**
 * The partition of a group's records. Kafka takes the absolute value of the hash, where the one number that has none
 * in 32 bits counts as 0 (Utils.abs); it does not mask the sign as for keys of messages.
 */
export function partitionOfGroup(groupId: string, partitionCount: number): number {
  const hash = javaStringHash(groupId)
  return hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitionCount
}

export class OffsetsLog {
  readonly #topic: OffsetsTopic
  readonly #clock: Clock
  readonly #inFlight = new Set<Promise<unknown>>()

  constructor(topic: OffsetsTopic, clock: Clock) {
    this.#topic = topic
    this.#clock = clock
  }

  get partitionCount(): number {
    return this.#topic.partitionCount
  }

  /**
   * Appends one batch, in call order (before this returns its promise), and resolves with the offset of its first
   * record once it is durable.
   * @throws COORDINATOR_NOT_AVAILABLE where the log failed; INVALID_COMMIT_OFFSET_SIZE where it is too much for a batch
   */
  append(groupId: string, records: readonly OffsetsRecord[]): Promise<number> {
    const appended = this.#append(groupId, records)
    this.#inFlight.add(appended)
    const settled = (): void => {
      this.#inFlight.delete(appended)
    }
    appended.then(settled, settled)
    return appended
  }

  /** Resolves when everything that was appended is durable or refused. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
  }

  /**
   * The batches of a partition from its start up to its high watermark as of now, about a megabyte of them at a time.
   * @throws what {@link PartitionLog.read} throws; CORRUPT_MESSAGE
   */
  async *batches(partition: number): AsyncGenerator<readonly RecordBatch[]> {
    const log = this.#topic.log(partition)
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
        `Nothing can be read of __consumer_offsets-${partition} at offset ${next}, although it goes on to ${end}.`,
      )
    }
  }

  async #append(groupId: string, records: readonly OffsetsRecord[]): Promise<number> {
    try {
      const timestamp = this.#clock.now()
      const batch = buildBatch(records.map(({ key, value }) => ({ key, value, timestamp })))
      const log = this.#topic.log(partitionOfGroup(groupId, this.#topic.partitionCount))
      const { baseOffset, acknowledged } = log.append(batch)
      await acknowledged
      return baseOffset
    } catch (error) {
      throw refusalOf(error, groupId)
    }
  }
}

/** What a client of the group is told where the log refused: go on trying, or that this commit can never be stored. */
function refusalOf(error: unknown, groupId: string): unknown {
  if (!(error instanceof HoldfastError)) return error
  if (error.code === 'RECORD_LIST_TOO_LARGE' || error.code === 'MESSAGE_TOO_LARGE') {
    return new HoldfastError('INVALID_COMMIT_OFFSET_SIZE', error.message, { cause: error })
  }
  const message = `The log of group ${groupId} cannot be written: ${error.message}`
  return new HoldfastError(error.code === 'LOG_DAMAGED' ? error.code : 'COORDINATOR_NOT_AVAILABLE', message, {
    cause: error,
  })
}
