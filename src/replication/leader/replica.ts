/** A replica, as its leader knows it: where it is, and whether the leader waits for it. */

import type { Clock } from '../../core/clock.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { Followed } from './followed.js'
import type { Session } from './session.js'

export class Replica {
  readonly nodeId: number
  readonly #clock: Clock
  session: Session | undefined
  /** Of the topics that it has, durably. */
  catalogVersion = 0
  /** While it is about to come into the in-sync set: what it still has to come to. */
  joining:
    | {
        readonly session: Session
        readonly sinceMs: number
        readonly targets: Map<Followed, number>
        isBeingDecided: boolean
      }
    | undefined
  /** Since when it has not all topics, and has come to no newer version of them. */
  stuck: { readonly catalogVersion: number; readonly sinceMs: number } | undefined
  #heardMs: number

  constructor(nodeId: number, clock: Clock) {
    this.nodeId = nodeId
    this.#clock = clock
    this.#heardMs = clock.monotonic()
  }

  /** It fetched, or acknowledged. */
  hear(): void {
    this.#heardMs = this.#clock.monotonic()
  }

  /** It has everything of a log below this. */
  offsetOf(own: PartitionLog): number {
    return this.session?.followed(own)?.offset ?? 0
  }

  /** For how long it has not been heard of, or has not been caught up. */
  lagMs(): number {
    let sinceMs = this.#heardMs
    for (const followed of this.session?.behind ?? []) sinceMs = Math.min(sinceMs, followed.caughtUpMs)
    return this.#clock.monotonic() - sinceMs
  }

  /** Messages that it lacks. */
  lagMessages(): number {
    let messages = 0
    for (const { log, offset } of this.session?.behind ?? []) messages += Math.max(0, log.logEndOffset - offset)
    return messages
  }
}
