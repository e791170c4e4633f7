/** The newest that was heard from etcd, in whatever order its answers come. */

import type { Member } from '../../broker/replication.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Leadership } from '../authority.js'
import type { View } from './records.js'

export class Heard {
  readonly #clock: Clock
  readonly #freshMs: number
  #view: View | undefined
  #leadership: Leadership | undefined
  /** By the monotonic clock: before the question of the newest answer was asked, and when the answer came. */
  #askedAt = Number.NEGATIVE_INFINITY
  #answeredAt = Number.NEGATIVE_INFINITY

  /** `freshMs`: for how long an answer is news. */
  constructor(clock: Clock, freshMs: number) {
    this.#clock = clock
    this.#freshMs = freshMs
  }

  get view(): View | undefined {
    return this.#view
  }

  /** The last that was understood. */
  get leadership(): Leadership | undefined {
    return this.#leadership
  }

  get freshUntil(): number {
    return this.#askedAt + this.#freshMs
  }

  /** Nobody leads, as was heard lately. */
  get isVacant(): boolean {
    const view = this.#view
    if (view === undefined || view.leaderLease !== undefined || view.damage !== undefined) return false
    return this.#clock.monotonic() < this.freshUntil
  }

  /** Takes the answer to a question that was asked at `askedAt`, unless a newer one is here already. */
  take(view: View, askedAt: number): void {
    if (this.#view !== undefined && view.revision < this.#view.revision) {
      if (askedAt < this.#answeredAt) return
      throw new HoldfastError(
        'REPLICATION_UNAVAILABLE',
        `etcd was at revision ${this.#view.revision} and is at ${view.revision} now: it has lost what was decided. Start this node anew when etcd is as it should be.`,
      )
    }
    if (view.modRevision !== this.#view?.modRevision) this.#leadership = view.leadership ?? this.#leadership
    this.#view = view
    this.#askedAt = Math.max(this.#askedAt, askedAt)
    this.#answeredAt = this.#clock.monotonic()
  }

  /** This node as it knows itself, and the others as they told. */
  members(self: Member): Member[] {
    const others = [...(this.#view?.members.values() ?? [])].map(({ member }) => member)
    return [self, ...others.filter(({ nodeId }) => nodeId !== self.nodeId)].sort((a, b) => a.nodeId - b.nodeId)
  }
}

/** Equal for views that say the same. */
export function gist({ modRevision, leaderLease, members }: View): string {
  return JSON.stringify([modRevision, leaderLease, [...members.values()]])
}
