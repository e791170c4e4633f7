/**
 * How many bytes of fetched records are in memory, all connections together (`queued.max.response.bytes`), from before
 * they are read until the client's kernel has them. What is lent by a mapped file does not count.
 *
 * A read gets a quarter of what is free at most, so that those who read slowly leave room for the others: answers become
 * smaller before anybody waits. Where there is no room for one batch, fetches wait in the order of their coming. So that
 * nobody waits for a client that is gone or deaf, one that took no byte of its answer for as long as a frame may take, while others
 * waited, is disconnected.
 */

import type { AnswerRoom } from '../broker/answer-room.js'
import type { Clock, Timer } from '../core/clock.js'
import { invariant } from '../core/invariant.js'
import type { Logger } from '../core/logger.js'

/** The part of what is free that one read may have. */
const share = 4

/** A connection, as the budget sees it. */
export interface AnswerHolder {
  /** Bytes of answers that the kernel has not taken. */
  readonly unsentBytes: number
  readonly client: string | undefined
  /** It takes nothing, and others wait for its memory: its connection ends, and gives the memory back. */
  endStalled(): void
}

export interface AnswerBudgetOptions {
  readonly limitBytes: number
  /** Room that there has to be for a read to begin: for one batch. */
  readonly leastBytes: number
  /** How long a client may take nothing while others wait. */
  readonly stallMs: () => number
  readonly clock: Clock
  readonly logger: Logger
}

/** Room of one request, to be given back when its answer has left or never will. */
export interface HeldRoom extends AnswerRoom {
  giveBack(): void
}

interface Held {
  bytes: number
  /** What its holder had not sent when it was looked at last; -1 before that. */
  unsentBytes: number
}

export class AnswerBudget {
  readonly #options: AnswerBudgetOptions
  readonly #leastBytes: number
  /** Each is called when it has room. */
  readonly #waiting = new Set<() => void>()
  readonly #held = new Map<AnswerHolder, Held>()
  #usedBytes = 0
  #timer: Timer | undefined
  /** Somebody had to wait since the holders were looked at. */
  #wasShort = false

  constructor(options: AnswerBudgetOptions) {
    this.#options = options
    this.#leastBytes = Math.min(options.leastBytes, options.limitBytes)
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** For one request of `holder`. */
  roomFor(holder: AnswerHolder): HeldRoom {
    let bytes = 0
    const hold = (now: number): void => {
      const more = now - bytes
      bytes = now
      if (more !== 0) this.#change(holder, more)
    }
    const begin = (wanted: number): number => {
      const granted = Math.min(wanted, Math.max(this.#leastBytes, Math.floor(this.#freeBytes / share)))
      hold(Math.max(granted, this.#leastBytes))
      return granted
    }
    return {
      take: (wanted) => (this.#waiting.size === 0 && this.#hasRoom ? begin(wanted) : 0),
      takeInTurn: async (wanted, giveUp) => {
        let granted = 0
        const admitted = (): void => {
          granted = begin(wanted)
        }
        await this.#wait(admitted, giveUp)
        return granted
      },
      settle: hold,
      giveBack: () => hold(0),
    }
  }

  get #freeBytes(): number {
    return this.#options.limitBytes - this.#usedBytes
  }

  get #hasRoom(): boolean {
    return this.#usedBytes === 0 || this.#freeBytes >= this.#leastBytes
  }

  #change(holder: AnswerHolder, more: number): void {
    this.#usedBytes += more
    const held = this.#held.get(holder) ?? { bytes: 0, unsentBytes: -1 }
    held.bytes += more
    invariant(held.bytes >= 0 && this.#usedBytes >= 0, 'room is given back once')
    if (held.bytes === 0) this.#held.delete(holder)
    else this.#held.set(holder, held)
    if (more < 0) this.#admit()
  }

  #admit(): void {
    for (const begin of this.#waiting) {
      if (!this.#hasRoom) return
      this.#waiting.delete(begin)
      begin()
    }
  }

  /** Until `begin` was called, or `giveUp` says so. */
  #wait(begin: () => void, giveUp: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const admitted = (): void => {
        begin()
        leave()
      }
      const leave = (): void => {
        this.#waiting.delete(admitted)
        giveUp.removeEventListener('abort', leave)
        resolve()
      }
      if (giveUp.aborted) return resolve()
      this.#waiting.add(admitted)
      giveUp.addEventListener('abort', leave, { once: true })
      this.#wasShort = true
      this.#timer ??= this.#lookLater()
    })
  }

  #lookLater(): Timer {
    for (const [holder, held] of this.#held) held.unsentBytes = holder.unsentBytes
    this.#wasShort = this.#waiting.size > 0
    return this.#options.clock.schedule(this.#options.stallMs(), () => this.#look(), { background: true })
  }

  #look(): void {
    this.#timer = undefined
    if (!this.#wasShort) return
    const stalled = [...this.#held].filter(([holder, { unsentBytes }]) => {
      return unsentBytes > 0 && unsentBytes === holder.unsentBytes
    })
    this.#timer = this.#lookLater()
    const reason = 'It takes nothing of its answer, and others wait for the memory.'
    for (const [holder] of stalled) {
      this.#options.logger.warn({ client: holder.client, reason }, 'A client is disconnected.')
      holder.endStalled()
    }
  }
}
