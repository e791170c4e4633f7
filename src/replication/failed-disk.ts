/**
 * Tells when the disk under a leader has failed for good: a log of its has taken nothing for a while, and nothing but a new
 * start brings it back. A full disk is none: that log comes back by itself.
 */

import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { MessageStore } from '../storage/message-store.js'
import type { LeadershipFile } from './leadership-file.js'
import { logsOf } from './logs.js'

/** What lacked descriptors alone is back before. */
const patienceMs = 3000
const lookEveryMs = 1000

export class FailedDisk {
  readonly #store: MessageStore
  readonly #clock: Clock
  #lookedAt = Number.NEGATIVE_INFINITY
  #failedAt: number | undefined
  #failure: HoldfastError | undefined

  constructor(store: MessageStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Why a log takes nothing any more; undefined while all do, or may again. To be asked from time to time. */
  look(): HoldfastError | undefined {
    const now = this.#clock.monotonic()
    if (now - this.#lookedAt >= lookEveryMs) {
      this.#lookedAt = now
      this.#failure = failureOf(this.#store)
      if (this.#failure === undefined) this.#failedAt = undefined
      else this.#failedAt ??= now
    }
    return this.#failedAt !== undefined && now - this.#failedAt >= patienceMs ? this.#failure : undefined
  }
}

/**
 * Whether a node could use the lead: one whose disk takes nothing would keep it from those who could.
 * @throws what the disk says
 */
export async function diskTakes(store: MessageStore, file: LeadershipFile): Promise<boolean> {
  if (failureOf(store) !== undefined) return false
  await file.writeAgain()
  return true
}

export function takesNoPart(): HoldfastError {
  const why = 'The disk of this node has failed, and it takes no part until it is started anew.'
  return new HoldfastError('INVALID_REQUEST', why)
}

function failureOf(store: MessageStore): HoldfastError | undefined {
  return logsOf(store).find(({ failure }) => failure?.code === 'LOG_FAILED')?.failure
}
