/**
 * A lease of etcd, and until when this node may rely on it, by its own monotonic clock: from before a request was sent on,
 * as etcd counts from later.
 *
 * A member of etcd that was the leader and does not know yet that it is not any more still prolongs leases, but the new
 * leader counts from its own beginning on. So a prolongation holds only when a read of the whole etcd, made after it, was
 * answered in the same term: then any later leader began after it, and gives every lease its full time from there.
 */

import type { Clock } from '../../core/clock.js'
import { invariant } from '../../core/invariant.js'
import { LeaseNotFound } from './endpoints.js'
import type { Gateway } from './gateway.js'

/** Of a lease's time, for clocks that do not run equally fast. */
const marginShare = 0.05

/** etcd has prolonged the lease; it holds when a later read has the same term. */
export interface Prolongation {
  readonly id: string
  readonly deadline: number
  readonly term: string
}

export class Lease {
  readonly #gateway: Gateway
  readonly #clock: Clock
  /** What is asked for, and then what etcd grants. */
  #seconds: number
  #id: string | undefined
  #deadline = 0
  /** That etcd may still hold, and this node does not rely on any more. */
  #toRevoke: string | undefined
  readonly #granted = new Set<string>()

  constructor(gateway: Gateway, { clock, leaseMs }: { clock: Clock; leaseMs: number }) {
    this.#gateway = gateway
    this.#clock = clock
    this.#seconds = Math.ceil(leaseMs / 1000)
  }

  /** Undefined while there is none that can be relied on. */
  get id(): string | undefined {
    return this.#id
  }

  /** It is, or was, one of this process. */
  wasGranted(id: string): boolean {
    return this.#granted.has(id)
  }

  /** By the monotonic clock. */
  get deadline(): number {
    return this.#deadline
  }

  /** How long it is granted for. */
  get durationMs(): number {
    return this.#seconds * 1000
  }

  /** It cannot be relied on any more, prolonged or not. */
  get hasPassed(): boolean {
    return this.#clock.monotonic() >= this.#deadline
  }

  /** Gets a new one in the place of one that was given up, which is ended before. */
  async grant(): Promise<void> {
    invariant(this.#id === undefined, 'a new lease follows one that was given up')
    if (this.#toRevoke !== undefined) await this.#revoke(this.#toRevoke)
    const sentAt = this.#clock.monotonic()
    const { id, seconds } = await this.#gateway.grant(this.#seconds)
    this.#id = id
    this.#granted.add(id)
    this.#seconds = seconds
    this.#deadline = this.#deadlineOf(sentAt, seconds)
  }

  /** Prolongs it; undefined where it has run out. */
  async prolong(): Promise<Prolongation | undefined> {
    const id = this.#id
    if (id === undefined) return undefined
    const sentAt = this.#clock.monotonic()
    const { seconds, term } = await this.#gateway.keepAlive(id)
    return seconds > 0 ? { id, deadline: this.#deadlineOf(sentAt, seconds), term } : undefined
  }

  /** `term`: of a read that was sent after the prolongation was answered. */
  confirm({ id, deadline, term: prolongedIn }: Prolongation, term: string): void {
    if (id === this.#id && prolongedIn === term) this.#deadline = Math.max(this.#deadline, deadline)
  }

  /** It is not relied on any more. */
  giveUp(): void {
    if (this.#id === undefined) return
    this.#toRevoke = this.#id
    this.#id = undefined
  }

  /** Gives it up and ends it in etcd. */
  async end(): Promise<void> {
    this.giveUp()
    if (this.#toRevoke !== undefined) await this.#revoke(this.#toRevoke)
  }

  async #revoke(id: string): Promise<void> {
    try {
      await this.#gateway.revoke(id)
    } catch (error) {
      if (!(error instanceof LeaseNotFound)) throw error
    }
    this.#toRevoke = undefined
  }

  #deadlineOf(sentAt: number, seconds: number): number {
    return sentAt + seconds * 1000 * (1 - marginShare)
  }
}
