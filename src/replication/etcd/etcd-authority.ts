/**
 * etcd decides which node leads: each change of the record is a transaction there that names the record which it replaces,
 * and a key that is bound to the leader's lease says whether somebody leads.
 */

import type { Member } from '../../broker/replication.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError, reasonOf } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { controllerOfMany } from '../../core/lifecycle.js'
import type { Logger } from '../../core/logger.js'
import { Mutex } from '../../core/mutex.js'
import { pause } from '../../core/pause.js'
import type { Authority, Leadership } from '../authority.js'
import { Endpoints, type EtcdWire, LeaseNotFound, parseEndpoints } from './endpoints.js'
import { Gateway } from './gateway.js'
import { gist, Heard } from './heard.js'
import { Lease } from './lease.js'
import { Keys, understand, type View } from './records.js'
import { idInUse, leadsNoMore, otherCluster } from './refusals.js'
import { claiming, joining, lettingGo, replacing, type Step } from './steps.js'
import { Telling } from './telling.js'
import { Watch } from './watch.js'

export interface EtcdOptions {
  /** "http://host:2379". */
  readonly endpoints: readonly string[]
  /** The name under which the nodes find each other. */
  readonly cluster: string
  /** This node, as others are to reach it. */
  readonly self: Member
  /** Rounded up to seconds; etcd may grant more. */
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** HTTP to the endpoints where absent. `limitMs`: for how long an answer is waited for. */
  readonly openWire?: (limitMs: number) => EtcdWire
}

/** How often a lease is prolonged in its time, and how long an endpoint is waited for. */
const roundsPerLease = 3
const limitsPerLease = 4
const longestLimitMs = 5_000
/** How soon a failure is tried again. */
const retriesPerLease = 20
const longestRetryMs = 500

/** etcd looks for leases that have run out twice a second, and then has to agree on their end. */
const etcdSlackMs = 1_500

export class EtcdAuthority implements Authority {
  readonly #self: Member
  readonly #leaseMs: number
  readonly #retryMs: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #keys: Keys
  readonly #wire: EtcdWire
  readonly #gateway: Gateway
  readonly #lease: Lease
  readonly #heard: Heard
  readonly #steps = new Mutex()
  readonly #telling: Telling
  readonly #closing = controllerOfMany()
  /** Ends the pause before the next round, at once where it is aborted before. */
  #waking = new AbortController()
  #watch: Watch | undefined
  #rounds: Promise<void> = Promise.resolve()
  /** What this node has claimed and not lost. */
  #claimed: { readonly epoch: number; readonly lease: string } | undefined
  /** A change of who leads is under way: what is seen of it is no surprise. */
  #isDeciding = false
  #isReached = true

  private constructor({ endpoints, cluster, self, leaseMs, clock, logger, openWire }: EtcdOptions) {
    this.#self = self
    this.#leaseMs = leaseMs
    this.#retryMs = Math.min(leaseMs / retriesPerLease, longestRetryMs)
    this.#clock = clock
    this.#logger = logger
    this.#keys = new Keys(cluster)
    const limitMs = Math.min(leaseMs / limitsPerLease, longestLimitMs)
    this.#wire = openWire?.(limitMs) ?? new Endpoints(parseEndpoints(endpoints), { clock, limitMs })
    this.#gateway = new Gateway(this.#wire, this.#keys.prefix)
    this.#lease = new Lease(this.#gateway, { clock, leaseMs })
    this.#heard = new Heard(clock, leaseMs)
    this.#telling = new Telling(clock, () => this.#tell())
  }

  /**
   * Makes this node known in etcd. Where its id is taken it waits until the lease of a process that was killed has run out.
   * @throws INVALID_SETTING for what is no endpoint or no name, and where another process is alive under this node's id;
   * REPLICATION_UNAVAILABLE where etcd does not answer, or holds what cannot be understood
   */
  static async open(options: EtcdOptions): Promise<EtcdAuthority> {
    const authority = new EtcdAuthority(options)
    try {
      await authority.#join()
    } catch (error) {
      await authority.close()
      throw error
    }
    authority.#start()
    return authority
  }

  get leadership(): Leadership | undefined {
    return this.#heard.leadership
  }

  get members(): readonly Member[] {
    return this.#heard.members(this.#self)
  }

  get leads(): boolean {
    return this.#claimed !== undefined && !this.#lease.hasPassed
  }

  get isVacant(): boolean {
    return this.#heard.isVacant && this.#isJoined
  }

  onChange(listener: () => void): () => void {
    return this.#telling.onChange(listener)
  }

  claim(clusterId: string, aboveEpoch: number): Promise<boolean> {
    return this.#decideAlone(() => this.#claim(clusterId, aboveEpoch))
  }

  setInSync(inSync: readonly number[]): Promise<void> {
    invariant(inSync.includes(this.#self.nodeId), 'a leader is in its in-sync set')
    return this.#decideAlone(() => this.#setInSync(inSync))
  }

  letGo(): Promise<void> {
    return this.#decideAlone(() => this.#letGo())
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#waking.abort()
    await Promise.all([this.#rounds, this.#watch?.close()])
    await this.#steps.run(() => this.#letGo())
    try {
      await this.#lease.end()
    } catch (error) {
      this.#logger.debug({ reason: reasonOf(error) }, 'the lease in etcd could not be ended; it will run out')
    }
    this.#telling.close()
    this.#wire.close()
  }

  #start(): void {
    this.#watch = new Watch({
      gateway: this.#gateway,
      clock: this.#clock,
      logger: this.#logger,
      retryMs: this.#retryMs,
      from: () => this.#seen().revision + 1,
      onNews: async (revision) => {
        if (revision <= this.#seen().revision) return
        await this.#read().catch(() => this.#waking.abort())
      },
    })
    this.#rounds = this.#keepOn()
  }

  /** After a joining something was seen. */
  #seen(): View {
    const { view } = this.#heard
    invariant(view !== undefined, 'etcd has answered once')
    return view
  }

  async #join(): Promise<void> {
    const start = this.#clock.monotonic()
    for (;;) {
      const isLast = this.#clock.monotonic() - start >= this.#lease.durationMs + etcdSlackMs
      try {
        if (this.#lease.hasPassed) this.#lease.giveUp()
        if (this.#lease.id === undefined) await this.#lease.grant()
        const other = (await this.#read()).members.get(this.#self.nodeId)?.member
        if (other === undefined && (await this.#register())) break
        if (isLast) throw idInUse(this.#keys, this.#self.nodeId, other)
      } catch (error) {
        if (isLast || !(error instanceof LeaseNotFound || isUnavailable(error))) throw error
      }
      await pause(this.#clock, this.#retryMs)
    }
    const { damage } = this.#seen()
    if (damage !== undefined) throw damage
  }

  /** The id of this node is bound to its lease. */
  get #isJoined(): boolean {
    const own = this.#heard.view?.members.get(this.#self.nodeId)
    return own !== undefined && own.lease === this.#lease.id
  }

  /** Binds the id of this node to its lease. Resolves with whether it is now. */
  async #register(): Promise<boolean> {
    const lease = this.#lease.id
    if (lease === undefined) return false
    return this.#make(joining(this.#keys, this.#self, lease))
  }

  /** Round after round: prolongs the lease, and looks at what etcd has, should the watch have missed something. */
  async #keepOn(): Promise<void> {
    let delayMs = this.#leaseMs / roundsPerLease
    for (;;) {
      await pause(this.#clock, delayMs, this.#waking.signal)
      if (this.#closing.signal.aborted) return
      this.#waking = new AbortController()
      try {
        await this.#round()
        if (!this.#isReached) this.#logger.info({}, 'etcd answers again')
        this.#isReached = true
        delayMs = this.#leaseMs / roundsPerLease
      } catch (error) {
        if (this.#isReached) this.#logger.warn({ reason: reasonOf(error) }, 'etcd does not answer as it should')
        this.#isReached = false
        delayMs = this.#retryMs
      }
    }
  }

  async #round(): Promise<void> {
    const held = this.#lease.id
    const prolongation = await this.#lease.prolong()
    if (held !== undefined && (prolongation === undefined || this.#lease.hasPassed)) this.#lose('its lease has run out')
    const known = this.#seen()
    const view = this.#lease.id === undefined ? undefined : await this.#read()
    if (view === undefined) {
      await this.#lease.grant()
    } else if (prolongation !== undefined) {
      if (this.#lease.hasPassed) this.#lose('its lease has run out')
      else this.#lease.confirm(prolongation, view.term)
      this.#tell()
    }
    // What the watch should have told of, or a watch on an endpoint that has failed since.
    const isSurprise = view !== undefined && this.#heard.view === view && gist(view) !== gist(known)
    if (isSurprise || this.#watch?.endpoint !== this.#gateway.endpoint) this.#watch?.doubt()
    if (!this.#isJoined && !(await this.#register())) {
      this.#logger.error({ nodeId: this.#self.nodeId }, 'another process has taken the id of this node in etcd')
    }
  }

  async #read(): Promise<View> {
    const askedAt = this.#clock.monotonic()
    const view = understand(this.#keys, await this.#gateway.read())
    this.#hear(view, askedAt)
    return view
  }

  #hear(view: View, askedAt: number): void {
    const before = this.#heard.view
    try {
      this.#heard.take(view, askedAt)
    } catch (error) {
      if (this.#claimed !== undefined) this.#lose(reasonOf(error))
      throw error
    }
    const now = this.#seen()
    if (now.damage !== undefined && now.modRevision !== before?.modRevision) {
      this.#logger.error({ reason: now.damage.message }, 'nobody can be made the leader')
    }
    if (now.strange.length > 0 && now.strange.join() !== before?.strange.join()) {
      this.#logger.warn({ keys: now.strange }, 'etcd holds what is no record of this cluster')
    }
    if (this.#claimed !== undefined) {
      if (!this.#isClaimIn(now)) this.#lose('etcd says so')
    } else if (!this.#isDeciding && now.leaderLease !== undefined && now.leaderLease === this.#lease.id) {
      // A claim that was thought to have failed has arrived late. It keeps everybody from leading, so it has to go.
      this.#lose('a claim was carried out that nobody waits for any more')
    }
    this.#tell()
  }

  #isClaimIn({ leadership, leaderLease }: View): boolean {
    const { epoch, lease } = this.#claimed ?? {}
    return leadership?.leaderId === this.#self.nodeId && leadership.epoch === epoch && leaderLease === lease
  }

  /** Nothing that hangs on the lease is relied on any more; the next round gets another. */
  #lose(reason: string): void {
    if (this.#claimed !== undefined)
      this.#logger.warn({ reason, epoch: this.#claimed.epoch }, 'this node leads no more')
    this.#claimed = undefined
    this.#lease.giveUp()
    this.#waking.abort()
    this.#tell()
  }

  /** Calls the listeners where something is not as they know it, now and when time alone will change it. */
  #tell(): void {
    if (this.#lease.id !== undefined && this.#lease.hasPassed) {
      this.#lose('its lease has run out')
      return
    }
    const times = [this.#heard.freshUntil, ...(this.#lease.id === undefined ? [] : [this.#lease.deadline])]
    this.#telling.tell([this.leadership, this.members, this.leads, this.isVacant], times)
  }

  #decideAlone<T>(decide: () => Promise<T>): Promise<T> {
    return this.#steps.run(async () => {
      if (this.#closing.signal.aborted) throw new HoldfastError('CLOSED', 'The connection to etcd is closed.')
      this.#isDeciding = true
      try {
        return await decide()
      } finally {
        this.#isDeciding = false
      }
    })
  }

  /**
   * Makes a change, and asks again where the outcome is not known: what it replaces is among its conditions, so that it is
   * made once, however often it arrives. `onDone` is called before what etcd has now is looked at.
   */
  async #make({ conditions, changes, isMade }: Step, onDone: () => void = () => {}): Promise<boolean> {
    const end = this.#clock.monotonic() + this.#leaseMs
    for (;;) {
      const askedAt = this.#clock.monotonic()
      const view = await this.#gateway.change(conditions, changes).then(
        ({ succeeded, snapshot }) => ({ succeeded, ...understand(this.#keys, snapshot) }),
        (error: unknown) => {
          const isLast = this.#closing.signal.aborted || this.#clock.monotonic() >= end
          if (isLast || !isUnavailable(error)) throw error
        },
      )
      if (view !== undefined) {
        const isDone = view.succeeded || isMade(view)
        if (isDone) onDone()
        this.#hear(view, askedAt)
        return isDone
      }
      await pause(this.#clock, this.#retryMs, this.#closing.signal)
    }
  }

  async #claim(clusterId: string, aboveEpoch: number): Promise<boolean> {
    if (this.leads) return true
    const { leadership: last, modRevision, leaderLease, damage } = await this.#read()
    if (damage !== undefined) throw damage
    if (last !== undefined && last.clusterId !== clusterId) {
      throw otherCluster(this.#keys, last.clusterId, clusterId)
    }
    const { nodeId } = this.#self
    const lease = this.#lease.id
    if (leaderLease !== undefined || lease === undefined || last?.inSync.includes(nodeId) === false) return false
    const epoch = Math.max(last?.epoch ?? 0, aboveEpoch) + 1
    const next: Leadership = { clusterId, epoch, leaderId: nodeId, inSync: [nodeId] }
    try {
      await this.#make(claiming(this.#keys, next, modRevision, lease), () => {
        if (this.#lease.id === lease) this.#claimed = { epoch: next.epoch, lease }
      })
    } catch (error) {
      if (!(error instanceof LeaseNotFound)) throw error
      this.#lose('its lease has run out')
    }
    return this.leads
  }

  async #setInSync(inSync: readonly number[]): Promise<void> {
    for (;;) {
      const { leadership: last, modRevision } = this.#seen()
      const claimed = this.#claimed
      if (!this.leads || claimed === undefined || last === undefined) throw leadsNoMore()
      const step = replacing(this.#keys, { ...last, inSync }, modRevision, claimed.lease)
      const isDone = await this.#make(step)
      // Otherwise the record was another one: of a leader that came after, or of an earlier change that arrived late.
      if (isDone) return
    }
  }

  async #letGo(): Promise<void> {
    const { leadership: last, modRevision } = this.#heard.view ?? {}
    const claimed = this.#claimed
    if (claimed === undefined || last === undefined || modRevision === undefined) return
    // From here on another may lead.
    this.#claimed = undefined
    this.#tell()
    try {
      const isDone = await this.#make(lettingGo(this.#keys, last, modRevision, claimed.lease))
      if (!isDone) this.#lose('it has let go')
    } catch (error) {
      this.#logger.warn(
        { reason: reasonOf(error) },
        'etcd could not be told that this node leads no more; its lease will run out',
      )
      this.#lose('it has let go')
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === 'REPLICATION_UNAVAILABLE'
}
