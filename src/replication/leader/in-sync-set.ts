/**
 * The in-sync set, as the leader keeps it. A replica that has almost caught up is waited for from then on (it is counted)
 * and comes into the set when it has everything that was shown by then; so it can come in under any load. It leaves the set
 * by a change of what was decided, and is waited for until that is known to have happened: whoever leads next is of the set, and so
 * has everything that was ever shown.
 */

import type { Clock, Timer } from '../../core/clock.js'
import { reasonOf } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { Mutex } from '../../core/mutex.js'
import type { Authority } from '../authority.js'
import type { Replica } from './replica.js'

export interface InSyncOptions {
  readonly authority: Pick<Authority, 'leadership' | 'setInSync'>
  readonly clock: Clock
  readonly logger: Logger
  readonly lagMaxMs: () => number
  readonly replicas: () => Iterable<Replica>
  /** It follows all there is, and has the topics as they are. */
  readonly isComplete: (replica: Replica) => boolean
  /** Others are waited for than before. */
  readonly onCounted: () => void
}

/** One that is farther behind is not waited for yet. */
const joinLagMs = 1000
const retryMs = 200

export class InSyncSet {
  readonly #options: InSyncOptions
  readonly #counted = new Set<number>()
  /** That were to come in, and nobody knows whether they did. */
  readonly #doubted = new Set<number>()
  readonly #changes = new Mutex()
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: InSyncOptions) {
    this.#options = options
    this.#watch()
  }

  /** As was decided, this node among them. */
  get recorded(): readonly number[] {
    return this.#options.authority.leadership?.inSync ?? []
  }

  /** The replicas that are waited for. */
  get counted(): ReadonlySet<number> {
    return this.#counted
  }

  has(nodeId: number): boolean {
    return this.recorded.includes(nodeId)
  }

  /** A replica has moved: it may come in, or has to leave. */
  consider(replica: Replica): void {
    // What it had in another session, it may have lost.
    if (this.has(replica.nodeId) || replica.joining?.session !== replica.session) replica.joining = undefined
    if (this.has(replica.nodeId) || this.#isClosed) return
    if (replica.joining === undefined) this.#begin(replica)
    const { joining } = replica
    if (joining === undefined) return
    for (const [followed, target] of joining.targets) if (followed.offset >= target) joining.targets.delete(followed)
    if (joining.targets.size > 0 || joining.isBeingDecided || !this.#options.isComplete(replica)) return
    joining.isBeingDecided = true
    this.#change(replica.nodeId, async () => {
      joining.isBeingDecided = false
      if (replica.joining === joining) await this.#takeIn(replica, joining)
    })
  }

  /** Resolves when a replica is out of the set, and not waited for any more. @throws what {@link Authority.setInSync} throws */
  remove(replica: Replica, why: string): Promise<void> {
    return this.#changes.run(this.#unlessOver(() => this.#takeOut(replica, why)))
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #begin(replica: Replica): void {
    const { session } = replica
    if (session === undefined || !this.#options.isComplete(replica) || replica.lagMs() > joinLagMs) return
    const targets = new Map(
      [...session.behind].flatMap((one) =>
        one.offset < one.log.highWatermark ? [[one, one.log.highWatermark] as const] : [],
      ),
    )
    this.#counted.add(replica.nodeId)
    replica.joining = { session, sinceMs: this.#options.clock.monotonic(), targets, isBeingDecided: false }
  }

  /** One at a time; what could not be decided is tried again, as long as there is something to decide. */
  #change(nodeId: number, step: () => Promise<void>): void {
    this.#changes.run(this.#unlessOver(step)).catch((err: unknown) => {
      if (this.#isClosed) return
      this.#options.logger.warn({ replica: nodeId, reason: reasonOf(err) }, 'The in-sync set could not be changed.')
    })
  }

  /** Once this leadership is over, the set is the next one's to change, also where that is this node's. */
  #unlessOver(step: () => Promise<void>): () => Promise<void> {
    return async () => (this.#isClosed ? undefined : step())
  }

  #watch(): void {
    const everyMs = Math.max(retryMs, this.#options.lagMaxMs() / 2)
    this.#timer = this.#options.clock.schedule(
      everyMs,
      () => {
        this.#look()
        if (!this.#isClosed) this.#watch()
      },
      { background: true },
    )
  }

  #look(): void {
    for (const replica of [...this.#options.replicas()]) {
      const isWaitedFor = this.#counted.has(replica.nodeId) || this.has(replica.nodeId)
      if (!isWaitedFor || !this.#isLate(replica)) continue
      this.#change(replica.nodeId, async () => {
        // What has come meanwhile counts.
        if (this.#isLate(replica)) await this.#takeOut(replica, 'it fell behind')
      })
    }
  }

  /** With messages, with the topics (who makes one waits for it too), or with coming in. */
  #isLate(replica: Replica): boolean {
    const now = this.#options.clock.monotonic()
    const { catalogVersion, joining } = replica
    if (this.#options.isComplete(replica)) replica.stuck = undefined
    else if (replica.stuck?.catalogVersion !== catalogVersion) replica.stuck = { catalogVersion, sinceMs: now }
    const sinceMs = Math.min(joining?.sinceMs ?? now, replica.stuck?.sinceMs ?? now)
    return Math.max(replica.lagMs(), now - sinceMs) > this.#options.lagMaxMs()
  }

  async #takeIn(replica: Replica, joining: Replica['joining']): Promise<void> {
    const { nodeId } = replica
    this.#doubted.add(nodeId)
    await this.#options.authority.setInSync([...this.recorded.filter((other) => other !== nodeId), nodeId])
    this.#doubted.delete(nodeId)
    this.#options.logger.info({ replica: nodeId }, 'A replica came into the in-sync set.')
    if (replica.joining === joining) replica.joining = undefined
    else await this.#takeOut(replica, 'it began anew meanwhile')
  }

  async #takeOut(replica: Replica, why: string): Promise<void> {
    const { nodeId } = replica
    if (this.has(nodeId) || this.#doubted.has(nodeId)) {
      await this.#options.authority.setInSync(this.recorded.filter((other) => other !== nodeId))
      this.#doubted.delete(nodeId)
      this.#options.logger.warn({ replica: nodeId, why }, 'A replica left the in-sync set.')
    }
    replica.joining = undefined
    replica.stuck = undefined
    if (this.#counted.delete(nodeId)) this.#options.onCounted()
  }
}
