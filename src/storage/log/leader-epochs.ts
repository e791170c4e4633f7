/**
 * Which leader epoch wrote which offsets of a log. Where it is written down is the layout's business; it is so before the
 * first batch of an epoch is.
 */

import { Mutex } from '../../core/mutex.js'

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

export class LeaderEpochs {
  readonly #write: (starts: readonly EpochStart[]) => Promise<void>
  readonly #turns = new Mutex()
  #starts: readonly EpochStart[]

  /** `starts`: one at least, in their order. `write` resolves when they are durable. */
  constructor(starts: readonly EpochStart[], write: (starts: readonly EpochStart[]) => Promise<void>) {
    this.#starts = starts
    this.#write = write
  }

  get starts(): readonly EpochStart[] {
    return this.#starts
  }

  get current(): number {
    return this.#starts[this.#starts.length - 1].epoch
  }

  /** Takes on that what follows `startOffset` is of a greater epoch, durably; nothing where it is not greater. */
  note(epoch: number, startOffset: number): Promise<void> {
    return this.#turns.run(async () => {
      if (epoch <= this.current) return
      // An epoch that nothing was written in has never been.
      await this.#put([...this.#starts.filter((one) => one.startOffset < startOffset), { epoch, startOffset }])
    })
  }

  /**
   * Forgets the epochs that begin behind the end of the log, durably: what was written in them is gone, and the log may
   * grow past there with batches of others.
   */
  endAt(endOfLog: number): Promise<void> {
    return this.#turns.run(async () => {
      const kept = this.#starts.filter(({ startOffset }, i) => i === 0 || startOffset <= endOfLog)
      if (kept.length < this.#starts.length) await this.#put(kept)
    })
  }

  /** Of the batch at `offset`. */
  at(offset: number): number {
    return (this.#starts.findLast(({ startOffset }) => startOffset <= offset) ?? this.#starts[0]).epoch
  }

  /** The greatest epoch that is at most `epoch`, and where it ends; the current one ends at `endOfLog`. */
  endOf(epoch: number, endOfLog: number): { epoch: number; endOffset: number } | undefined {
    const index = this.#starts.findLastIndex((start) => start.epoch <= epoch)
    if (index === -1) return undefined
    return { epoch: this.#starts[index].epoch, endOffset: this.#starts[index + 1]?.startOffset ?? endOfLog }
  }

  async #put(starts: readonly EpochStart[]): Promise<void> {
    await this.#write(starts)
    this.#starts = starts
  }
}
