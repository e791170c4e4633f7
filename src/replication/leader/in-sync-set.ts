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
    if (this.has(replica.nodeId) || this.#isClosed) return
    if (replica.joining === undefined) this.#begin(replica)
    const { joining, nodeId } = replica
    if (joining === undefined) return
    for (const [followed, target] of joining.targets) if (followed.offset >= target) joining.targets.delete(followed)
    if (joining.targets.size > 0 || joining.isBeingDecided || !this.#options.isComplete(replica)) return
    joining.isBeingDecided = true
    this.#change(nodeId, async () => {
      joining.isBeingDecided = false
      if (this.has(nodeId) || replica.joining !== joining) return
      await this.#options.authority.setInSync([...this.recorded, nodeId])
      replica.joining = undefined
      this.#options.logger.info({ replica: nodeId }, 'A replica came into the in-sync set.')
    })
  }

  /** Resolves when a replica is out of the set, and not waited for any more. @throws what {@link Authority.setInSync} throws */
  remove(replica: Replica, why: string): Promise<void> {
    return this.#changes.run(() => this.#takeOut(replica, why))
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
    replica.joining = { sinceMs: this.#options.clock.monotonic(), targets, isBeingDecided: false }
  }

  /** One at a time; what could not be decided is tried again, as long as there is something to decide. */
  #change(nodeId: number, step: () => Promise<void>): void {
    this.#changes.run(step).catch((err: unknown) => {
      if (this.#isClosed) return
      this.#options.logger.warn({ replica: nodeId, reason: reasonOf(err) }, 'The in-sync set could not be changed.')
    })
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
    const most = this.#options.lagMaxMs()
    const byId = new Map([...this.#options.replicas()].map((replica) => [replica.nodeId, replica]))
    for (const replica of byId.values()) {
      const waitsMs = replica.joining ? this.#options.clock.monotonic() - replica.joining.sinceMs : 0
      const isLate = Math.max(replica.lagMs(), waitsMs) > most
      if (!isLate || !(this.#counted.has(replica.nodeId) || this.has(replica.nodeId))) continue
      this.#change(replica.nodeId, async () => {
        // What has come meanwhile counts.
        if (replica.joining !== undefined || replica.lagMs() > most) await this.#takeOut(replica, 'it fell behind')
      })
    }
  }

  async #takeOut(replica: Replica, why: string): Promise<void> {
    const { nodeId } = replica
    if (this.has(nodeId)) {
      await this.#options.authority.setInSync(this.recorded.filter((other) => other !== nodeId))
      this.#options.logger.warn({ replica: nodeId, why }, 'A replica left the in-sync set.')
    }
    replica.joining = undefined
    if (this.#counted.delete(nodeId)) this.#options.onCounted()
  }
}
