/**
 * How the batches of one topic are packed: as the topic keeps them, since the broker would pack them anew; else in the codec
 * that the user chose; else, with "auto", in LZ4 where that pays.
 *
 * Whether it pays is found by trying, and depends on the bytes alone: a piece of a batch is packed, and where it shrinks
 * enough, batches are packed whole until they no longer shrink. Where it does not, nothing is packed for a while that
 * doubles with each try, so that data which does not shrink pays for a try of 16 KiB in up to 64 MiB.
 *
 * LZ4, since it is the cheapest by far (docs/library.md has the figures).
 */

import type { ConfigEntry } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { resolveSettings, topicSettings } from '../core/settings.js'
import { packingOf } from '../records/accept.js'
import type { BatchBuilder, BuiltBatch } from '../records/builder.js'
import { compress, type Packing } from '../records/compression/index.js'
import { type Codec, codecNames } from '../records/format.js'
import { refuse } from './arguments.js'
import { shown } from './message.js'

export type Compression = Codec | 'auto'

const none: Packing = { codec: 'none' }
const cheapest: Packing = { codec: 'lz4', ifSmaller: true }

/** A smaller batch goes as it is: there is little to save, and a flush costs more than its bytes. */
const leastBytes = 2048
/** A larger one too: brokers bound what a packed batch may unpack to. */
const mostBytes = 16 * 1024 * 1024
const sampleBytes = 16 * 1024
/** What a packed batch may keep of its size; readers have to unpack it, which must be worth their while. */
const mostKept = 0.75
const firstPauseBytes = 1024 * 1024
const longestPauseBytes = 64 * 1024 * 1024

/** @throws INVALID_ARGUMENT */
export function checkCompression(choice: Compression = 'auto'): Compression {
  if (choice === 'auto' || codecNames.includes(choice)) return choice
  return refuse(`Queue: compression is ${shown(choice)}; it must be auto or one of ${codecNames.join(', ')}.`)
}

export class TopicCompression {
  /** Undefined for "auto". */
  readonly #chosen: Packing | undefined
  #ofTopic: Packing | undefined
  #pays = false
  /** Bytes that still go unpacked before the next try. */
  #pausedBytes = 0
  #pauseBytes = firstPauseBytes

  constructor(choice: Compression) {
    this.#chosen = choice === 'auto' ? undefined : { codec: choice }
  }

  /** What the topic asks for; undefined where batches stay as they come. */
  set ofTopic(packing: Packing | undefined) {
    this.#ofTopic = packing
  }

  /** Builds a batch, packed as is best. @throws what {@link BatchBuilder.build} throws */
  build(builder: BatchBuilder): BuiltBatch {
    const packing = this.#ofTopic ?? this.#chosen ?? this.#bestFor(builder.records)
    const batch = builder.build(packing)
    if (packing === cheapest) this.#learn(batch.sizeInBytes / batch.recordsBytes)
    return batch
  }

  #bestFor(records: Buffer): Packing {
    if (records.length < leastBytes || records.length > mostBytes) return none
    if (this.#pays) return cheapest
    if (this.#pausedBytes > 0) {
      this.#pausedBytes -= records.length
      return none
    }
    this.#learn(keptOf(records))
    return this.#pays ? cheapest : none
  }

  #learn(kept: number): void {
    this.#pays = kept <= mostKept
    if (this.#pays) {
      this.#pauseBytes = firstPauseBytes
      return
    }
    this.#pausedBytes = this.#pauseBytes
    this.#pauseBytes = Math.min(this.#pauseBytes * 2, longestPauseBytes)
  }
}

const packingNames = ['compression.type', 'compression.gzip.level', 'compression.zstd.level']

/** How a topic of this configuration keeps its batches; undefined where as they come, or where it does not tell. */
export function keptIn(config: readonly ConfigEntry[]): Packing | undefined {
  const told = config.filter(({ name }) => packingNames.includes(name)).map(({ name, value }) => [name, value])
  return packingOf(topicSettings(resolveSettings(), Object.fromEntries(told)))
}

/** What packing would keep of the records' size, by a piece out of their middle. */
function keptOf(records: Buffer): number {
  const start = Math.max(0, (records.length - sampleBytes) >> 1)
  const sample = records.subarray(start, start + sampleBytes)
  try {
    return compress(cheapest.codec, sample).length / sample.length
  } catch (error) {
    // There is no LZ4 for this machine, and nobody insisted on it.
    if (error instanceof HoldfastError && error.code === 'UNSUPPORTED_COMPRESSION_TYPE') return 1
    throw error
  }
}
