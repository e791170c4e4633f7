/** Lets a key index follow its log in the background: when it works, when it rests, and what it says of it. */

import type { Timer } from '../../core/clock.js'
import type { KeyIndexOptions } from './options.js'

export interface Followed {
  open(): Promise<void>
  /** Where the next record to index lies. */
  position(): number
  /** Indexes a slice, and lets others have their turn. */
  step(): Promise<void>
  /** Called at the end of the log. */
  caughtUp(): Promise<void>
}

/** Appends are not followed one by one. */
const lagMs = 20
/** A turn of the event loop that others used for so long says that there is much to do. */
const busyTurnMs = 1
/** Many times what a slice takes. */
const stepBackMs = 50
/** Records that are not indexed yet, at which a find would wait for too long: the index steps back no more. */
const mostBehind = 1_000_000
const retryMs = 10_000
const progressMs = 10_000

export class Follower {
  readonly #options: KeyIndexOptions
  readonly #followed: Followed
  readonly #unfollow: () => void
  #following: Promise<void> | undefined
  #timer: Timer | undefined
  #goOn: () => void = () => {}
  #isStopping = false
  /** Said once, however often it is tried again. */
  #lastTrouble = ''

  constructor(options: KeyIndexOptions, followed: Followed) {
    this.#options = options
    this.#followed = followed
    this.#unfollow = options.log.onAdvance(() => this.wake())
    this.wake()
  }

  /** Looks soon whether there is something to do. */
  wake(afterMs = lagMs): void {
    if (this.#isStopping || this.#timer !== undefined || this.#following !== undefined) return
    const begin = (): void => {
      this.#timer = undefined
      this.#following = this.#follow().then((againMs) => {
        this.#following = undefined
        if (againMs !== undefined || this.#behind > 0) this.wake(againMs)
      })
    }
    this.#timer = this.#options.clock.schedule(afterMs, begin, { background: true })
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#unfollow()
    this.#timer?.cancel()
    this.#goOn()
    await this.#following
  }

  get #behind(): number {
    return this.#options.log.highWatermark - this.#followed.position()
  }

  /** Resolves with the time to wait before it is tried again, if it must be. */
  async #follow(): Promise<number | undefined> {
    const { clock, logger, log } = this.#options
    const { topic, partition } = log
    let saidAt = clock.monotonic()
    let said = false
    try {
      await this.#followed.open()
      while (!this.#isStopping && this.#behind > 0) {
        await this.#followed.step()
        await this.#stepBack()
        if (clock.monotonic() - saidAt < progressMs) continue
        saidAt = clock.monotonic()
        said = true
        const fields = { topic, partition, indexedTo: this.#followed.position(), end: log.highWatermark }
        logger.info(fields, 'Building a key index.')
      }
      await this.#followed.caughtUp()
      if (said) logger.info({ topic, partition, indexedTo: this.#followed.position() }, 'A key index is up to date.')
      return undefined
    } catch (err) {
      if (this.#isStopping || log.isClosed) return undefined
      const trouble = String(err)
      if (trouble !== this.#lastTrouble) {
        logger.warn({ topic, partition, err }, 'A key index could not follow its log; it is tried again.')
      }
      this.#lastTrouble = trouble
      return retryMs
    }
  }

  /** Where others have work for this thread too, they have it for the most part; a find does not wait like that. */
  async #stepBack(): Promise<void> {
    const { clock } = this.#options
    const start = clock.monotonic()
    await new Promise<void>((resolve) => clock.soon(resolve))
    const isBusy = clock.monotonic() - start > busyTurnMs
    if (!isBusy || this.#isStopping || this.#behind > mostBehind) return
    await new Promise<void>((resolve) => {
      this.#goOn = resolve
      clock.schedule(stepBackMs, resolve, { background: true })
    })
  }
}
