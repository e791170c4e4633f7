/**
 * Makes one broker's topics another's: partition by partition what is there, then what comes, until it is told to end. It
 * keeps no state of its own: how far it is, the end of each partition in the target says. So whatever ends it, the next run
 * goes on where it was, and nothing is there twice.
 */

import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError, reasonOf } from '../core/errors.js'
import { pause } from '../core/pause.js'
import { Throttle } from '../core/throttle.js'
import { Copying } from './copying.js'
import { MirroredGroups } from './groups.js'
import { Meter } from './meter.js'
import type { MirrorOptions, MirrorProgress, MirrorReport } from './options.js'
import { placeText } from './options.js'
import { placed } from './placing.js'
import { ProducingSink } from './producing-sink.js'
import { endsOf } from './reading.js'
import { CopyingSink, canTakeCopies } from './sinks.js'
import { MirroredTopics } from './topics.js'
import { verifyPartition } from './verifying.js'

/** How often topics and committed offsets are looked at. */
const lookEveryMs = 3000
const waitMs = 500
/** A source or a target that is away is waited for. */
const retryMs = { first: 500, most: 15_000, inAll: 600_000 }
/** A last look that finds nothing below the end for so many rounds does not go on. */
const triesForNothing = 50

export async function mirror(options: MirrorOptions): Promise<MirrorReport> {
  return new Mirror(options).run()
}

class Mirror {
  readonly #options: MirrorOptions
  readonly #clock: Clock
  readonly #meter: Meter
  readonly #groups: MirroredGroups
  readonly #notes: string[] = []
  #topics: MirroredTopics
  #copying: Copying
  #lookedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: MirrorOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#meter = new Meter(this.#clock)
    const { source, target } = options
    const keepsEpochs = canTakeCopies(target)
    this.#groups = new MirroredGroups({ source, target, keepsEpochs, onNote: (note) => this.#note(note) })
    this.#topics = this.#newTopics()
    this.#copying = this.#newCopying()
  }

  async run(): Promise<MirrorReport> {
    const { end, verifies } = this.#options
    await this.#persisting(async () => {
      if (end === 'stopped') await this.#follow()
      await this.#lastLook()
    })
    const verified = verifies ? await this.#verify() : undefined
    if (end === 'cut-over') await this.#refuseNews()
    return {
      topics: this.#topics.all.length,
      partitions: this.#copying.partitions.length,
      bytes: this.#meter.bytes,
      messages: this.#meter.messages,
      groupOffsets: this.#groups.count,
      verified,
      notes: this.#notes,
    }
  }

  async #follow(): Promise<void> {
    const { stop } = this.#options
    while (!stop?.aborted) {
      if (this.#clock.monotonic() - this.#lookedAtMs >= lookEveryMs) await this.#look()
      if (this.#copying.partitions.length === 0) await pause(this.#clock, waitMs, stop)
      else await this.#copying.round(waitMs, stop)
      this.#show(this.#meter, 'copying')
    }
  }

  /** Topics and partitions that are new, and what groups have committed. */
  async #look(): Promise<void> {
    const { source, target } = this.#options
    await this.#topics.refresh()
    const topics = new Map(this.#topics.all.map((topic) => [topic.name, topic]))
    this.#copying.keepOnly(({ topic }) => topics.has(topic))
    const known = new Set(this.#copying.partitions.map(placeText))
    const news = this.#topics.all.flatMap(({ name, partitions, isCompacted }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition, isCompacted })),
    )
    const places = news.filter((place) => !known.has(placeText(place)))
    this.#copying.add(await placed(source, target, this.#copying.sink, places))
    await this.#groups.carry(this.#copying.partitions)
    this.#lookedAtMs = this.#clock.monotonic()
  }

  /** Everything that is there now; at a cut over also the ends of all transactions. */
  async #lastLook(): Promise<void> {
    await this.#look()
    await this.#catchUp()
    if (this.#options.end === 'cut-over') await this.#awaitTransactions()
    await this.#groups.carry(this.#copying.partitions)
    this.#show(this.#meter, 'copying')
  }

  async #catchUp(): Promise<void> {
    const partitions = [...this.#copying.partitions]
    const ends = await endsOf(this.#options.source, partitions, 'latest')
    let tries = 0
    while (partitions.some(({ copiedTo }, i) => copiedTo < ends[i])) {
      const bytes = await this.#copying.round(tries === 0 ? 0 : waitMs)
      this.#show(this.#meter, 'copying')
      tries = bytes > 0 ? 0 : tries + 1
      if (tries <= triesForNothing) continue
      const behind = partitions.filter(({ copiedTo }, i) => copiedTo < ends[i]).map(placeText)
      throw new HoldfastError('COPY_IMPOSSIBLE', `The source gives nothing more of ${behind.join(', ')} up to its end.`)
    }
  }

  /** What is open would stay open in the target for good, since nobody there knows of it. */
  async #awaitTransactions(): Promise<void> {
    let told = false
    for (;;) {
      // Also where nothing was copied, so that each has answered once.
      await this.#copying.round(waitMs)
      await this.#catchUp()
      const open = this.#copying.partitions.filter(({ sourceEnd, sourceStableEnd }) => sourceStableEnd < sourceEnd)
      if (open.length === 0) return
      if (!told) this.#note(`Waiting for the transactions that are open in ${open.map(placeText).join(', ')}.`)
      told = true
      await pause(this.#clock, waitMs)
    }
  }

  async #verify(): Promise<MirrorReport['verified']> {
    const { source, target } = this.#options
    const meter = new Meter(this.#clock)
    const onVerified = (bytes: number, messages: number): void => {
      meter.add(bytes, messages)
      this.#show(meter, 'verifying')
    }
    let batches = 0
    let messages = 0
    for (const partition of this.#copying.partitions) {
      const verified = await verifyPartition({ source, target, onVerified }, partition)
      batches += verified.batches
      messages += verified.messages
    }
    return { batches, messages }
  }

  async #refuseNews(): Promise<void> {
    const { partitions } = this.#copying
    const ends = await endsOf(this.#options.source, partitions, 'latest')
    const moved = partitions.filter(({ copiedTo }, i) => ends[i] > copiedTo)
    if (moved.length === 0) return
    const what = `The source has got new messages in ${moved.map(placeText).join(', ')} since the last look`
    throw new HoldfastError('COPY_DIVERGED', `${what}: stop all producers, then cut over again.`)
  }

  /** Tries again while one side is away. Where each partition goes on is asked anew then. */
  async #persisting(work: () => Promise<void>): Promise<void> {
    const { stop } = this.#options
    let failing: { readonly sinceMs: number; readonly bytes: number; readonly delayMs: number } | undefined
    for (;;) {
      try {
        await work()
        return
      } catch (error) {
        const nowMs = this.#clock.monotonic()
        const { bytes } = this.#meter
        const before = failing?.bytes === bytes ? failing : undefined
        const isOver = before !== undefined && nowMs - before.sinceMs > retryMs.inAll
        if (!(error instanceof HoldfastError && error.retriable) || stop?.aborted || isOver) throw error
        const delayMs = before === undefined ? retryMs.first : Math.min(2 * before.delayMs, retryMs.most)
        failing = { sinceMs: before?.sinceMs ?? nowMs, bytes, delayMs }
        this.#note(`${reasonOf(error)} (${error.code}) Trying again.`)
        await pause(this.#clock, delayMs, stop)
        this.#topics = this.#newTopics()
        this.#copying = this.#newCopying()
        this.#lookedAtMs = Number.NEGATIVE_INFINITY
      }
    }
  }

  #newTopics(): MirroredTopics {
    const { source, target, includes } = this.#options
    return new MirroredTopics({ source, target, includes, onNote: (note) => this.#note(note) })
  }

  #newCopying(): Copying {
    const { source, target, maxBytesPerSecond } = this.#options
    return new Copying({
      source,
      sink: canTakeCopies(target) ? new CopyingSink(target) : new ProducingSink(target),
      throttle: maxBytesPerSecond === undefined ? undefined : new Throttle(this.#clock, maxBytesPerSecond),
      onCopied: (bytes, messages) => this.#meter.add(bytes, messages),
    })
  }

  #show(meter: Meter, phase: MirrorProgress['phase']): void {
    const { onProgress } = this.#options
    if (onProgress === undefined) return
    const { partitions } = this.#copying
    const lag = partitions.reduce((sum, one) => sum + Math.max(0, one.sourceEnd - one.copiedTo), 0)
    onProgress({
      phase,
      partitions: partitions.length,
      bytes: meter.bytes,
      messages: meter.messages,
      lag,
      ...meter.rates(),
    })
  }

  #note(note: string): void {
    this.#notes.push(note)
    this.#options.onNote?.(note)
  }
}
