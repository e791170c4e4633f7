/** Fetches from the source and hands on to the target, one answer ahead of what is being written. */

import type { BrokerService, FetchedPartition } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import type { Throttle } from '../core/throttle.js'
import { batchesIn, type RecordBatch } from '../records/batch.js'
import { type MirroredPartition, placeText } from './options.js'
import type { Sink } from './sinks.js'

const answerBytes = 16 * 1024 * 1024
const partitionBytes = 4 * 1024 * 1024

export interface CopyingOptions {
  readonly source: BrokerService
  readonly sink: Sink
  readonly throttle?: Throttle
  readonly onCopied: (bytes: number, messages: number) => void
}

interface Chunk {
  readonly partition: MirroredPartition
  readonly batches: readonly RecordBatch[]
}

export class Copying {
  readonly #options: CopyingOptions
  readonly #partitions: MirroredPartition[] = []
  /** What was asked for while the last answer was written. */
  #ahead: Promise<readonly FetchedPartition[]> | undefined
  /** Who comes first in the next answer, so that a full one does not always leave out the same. */
  #first = 0

  constructor(options: CopyingOptions) {
    this.#options = options
  }

  get sink(): Sink {
    return this.#options.sink
  }

  get partitions(): readonly MirroredPartition[] {
    return this.#partitions
  }

  add(partitions: readonly MirroredPartition[]): void {
    this.#partitions.push(...partitions)
  }

  /** Of topics that are gone. */
  keepOnly(isThere: (partition: MirroredPartition) => boolean): void {
    const kept = this.#partitions.filter(isThere)
    this.#partitions.splice(0, this.#partitions.length, ...kept)
  }

  /**
   * One answer of the source, in the target when this resolves: how many bytes it had.
   * @throws what either side refuses; what was copied before it counts
   */
  async round(maxWaitMs: number, signal?: AbortSignal): Promise<number> {
    if (this.#partitions.length === 0) return 0
    const fetched = await (this.#ahead ?? this.#fetch(maxWaitMs, signal))
    this.#ahead = undefined
    const chunks = this.#take(fetched)
    const bytes = chunks.reduce((sum, chunk) => sum + bytesIn(chunk), 0)
    if (bytes === 0) return 0
    const ahead = this.#fetch(maxWaitMs, signal)
    // It is told to whoever takes it, in the next round.
    ahead.catch(() => {})
    this.#ahead = ahead
    await Promise.all(chunks.map((chunk) => this.#write(chunk)))
    await this.#options.throttle?.spend(bytes, signal)
    return bytes
  }

  #fetch(maxWaitMs: number, signal?: AbortSignal): Promise<readonly FetchedPartition[]> {
    const count = this.#partitions.length
    this.#first = (this.#first + 1) % count
    const inTurn = [...this.#partitions.slice(this.#first), ...this.#partitions.slice(0, this.#first)]
    const maxBytes = Math.min(answerBytes, this.#options.throttle?.bytesAtOnce ?? answerBytes)
    return this.#options.source.fetch({
      positions: inTurn.map(({ topic, partition, nextOffset }) => ({
        topic,
        partition,
        offset: nextOffset,
        maxBytes: Math.min(partitionBytes, maxBytes),
        currentLeaderEpoch: -1,
      })),
      maxBytes,
      minBytes: 1,
      maxWaitMs,
      signal,
    })
  }

  /** What of an answer is new, each place moved behind it. */
  #take(fetched: readonly FetchedPartition[]): Chunk[] {
    const byPlace = new Map(this.#partitions.map((partition) => [placeText(partition), partition]))
    const chunks: Chunk[] = []
    for (const { error, records, highWatermark, lastStableOffset, ...place } of fetched) {
      const partition = byPlace.get(placeText(place))
      if (partition === undefined) continue
      if (error !== undefined) throw refusalAt(partition, error)
      // An answer that was ended early says nothing.
      if (highWatermark >= 0) partition.sourceEnd = highWatermark
      if (lastStableOffset >= 0) partition.sourceStableEnd = lastStableOffset
      const from = partition.nextOffset
      const batches = records.flatMap((bytes) => [...batchesIn(bytes)]).filter(({ lastOffset }) => lastOffset >= from)
      if (batches.length === 0) continue
      partition.nextOffset = batches[batches.length - 1].nextOffset
      chunks.push({ partition, batches })
    }
    return chunks
  }

  async #write(chunk: Chunk): Promise<void> {
    const { partition, batches } = chunk
    const { nextOffset } = batches[batches.length - 1]
    await this.#options.sink.write(partition, batches)
    partition.copiedTo = nextOffset
    const messages = batches.reduce((sum, batch) => sum + (batch.isControl ? 0 : batch.recordsCount), 0)
    this.#options.onCopied(bytesIn(chunk), messages)
  }
}

function bytesIn({ batches }: Chunk): number {
  return batches.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
}

function refusalAt(partition: MirroredPartition, error: HoldfastError): HoldfastError {
  if (error.code !== 'OFFSET_OUT_OF_RANGE') return error
  const what = `The source has deleted ${placeText(partition)} from offset ${partition.nextOffset} on before it was copied`
  return new HoldfastError('COPY_DIVERGED', `${what}: delete the topic in the target and begin again.`, {
    cause: error,
  })
}
