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
import { type EtcdOptions, timesOf } from './options.js'
import { Keys, understand, type View } from './records.js'
import { leadsNoMore, otherCluster } from './refusals.js'
import { Registration } from './registration.js'
import { claiming, lettingGo, replacing, type Step } from './steps.js'
import { Telling } from './telling.js'
import { Watch } from './watch.js'

export class EtcdAuthority implements Authority {
  readonly #self: Member
  readonly #leaseMs: number
  readonly #roundMs: number
  readonly #retryMs: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #keys: Keys
  readonly #wire: EtcdWire
  readonly #gateway: Gateway
  readonly #lease: Lease
  readonly #heard: Heard
  readonly #registration: Registration
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
  /** Why etcd does not answer as it should; undefined while it does. */
  #trouble: { readonly code: string; readonly reason: string } | undefined

  private constructor({ endpoints, cluster, self, leaseMs, clock, logger, access, openWire }: EtcdOptions) {
    this.#self = self
    this.#leaseMs = leaseMs
    const { roundMs, limitMs, retryMs } = timesOf(leaseMs)
    this.#roundMs = roundMs
    this.#retryMs = retryMs
    this.#clock = clock
    this.#logger = logger
    this.#keys = new Keys(cluster)
    this.#wire = openWire?.(limitMs) ?? new Endpoints(parseEndpoints(endpoints), { clock, limitMs, access })
    this.#gateway = new Gateway(this.#wire, this.#keys.prefix)
    this.#lease = new Lease(this.#gateway, { clock, leaseMs })
    this.#heard = new Heard(clock, leaseMs)
    this.#telling = new Telling(clock, () => this.#tell())
    this.#registration = new Registration({
      keys: this.#keys,
      self,
      lease: this.#lease,
      heard: this.#heard,
      clock,
      logger,
      make: (step) => this.#make(step),
    })
  }

  /**
   * Makes this node known in etcd. Where its id is taken it waits until the lease of a process that was killed has run out;
   * where etcd does not answer it is made known when etcd does, and knows of nothing until then.
   * @throws INVALID_SETTING for what is no endpoint or no name, and where another process is alive under this node's id;
   * REPLICATION_UNAVAILABLE where etcd holds what cannot be understood
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
    return this.#heard.isVacant && this.#registration.holds
  }

  get mayFollow(): boolean {
    return this.#registration.isOwn
  }

  get trouble(): string | undefined {
    return this.#trouble?.reason
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
    if (this.#heard.view !== undefined) this.#watch = this.#openWatch()
    this.#rounds = this.#keepOn()
  }

  #openWatch(): Watch {
    return new Watch({
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
  }

  /** After a joining something was seen. */
  #seen(): View {
    const { view } = this.#heard
    invariant(view !== undefined, 'etcd has answered once')
    return view
  }

  /** Resolves when the id of this node is its own, or etcd does not answer: then the rounds go on with it. */
  async #join(): Promise<void> {
    for (;;) {
      try {
        if (this.#lease.hasPassed) this.#lease.giveUp()
        if (this.#lease.id === undefined) await this.#lease.grant()
        await this.#read()
        if (await this.#registration.renew()) break
        if (this.#registration.isInUse) throw this.#registration.refusal()
      } catch (error) {
        if (isUnavailable(error)) {
          this.#trouble = troubleOf(error)
          this.#logger.warn({ reason: this.trouble }, 'this node waits for etcd, and does not lead before')
          return
        }
        if (!(error instanceof LeaseNotFound)) throw error
      }
      await pause(this.#clock, this.#retryMs)
    }
    const { damage } = this.#seen()
    if (damage !== undefined) throw damage
  }

  /** Round after round: prolongs the lease, and looks at what etcd has, should the watch have missed something. */
  async #keepOn(): Promise<void> {
    let delayMs = this.#trouble === undefined ? this.#roundMs : this.#retryMs
    for (;;) {
      await pause(this.#clock, delayMs, this.#waking.signal)
      if (this.#closing.signal.aborted) return
      this.#waking = new AbortController()
      try {
        await this.#round()
        if (this.#trouble !== undefined) this.#logger.info({}, 'etcd answers again')
        this.#trouble = undefined
        delayMs = this.#roundMs
      } catch (error) {
        const before = this.#trouble
        this.#trouble = troubleOf(error)
        if (before?.code !== this.#trouble.code)
          this.#logger.warn({ reason: this.trouble }, 'etcd does not answer as it should')
        delayMs = this.#retryMs
      }
    }
  }

  async #round(): Promise<void> {
    const held = this.#lease.id
    const prolongation = await this.#lease.prolong()
    if (held !== undefined && (prolongation === undefined || this.#lease.hasPassed)) this.#lose('its lease has run out')
    const known = this.#heard.view
    const view = this.#lease.id === undefined ? undefined : await this.#read()
    if (view === undefined) {
      await this.#lease.grant()
    } else if (prolongation !== undefined) {
      if (this.#lease.hasPassed) this.#lose('its lease has run out')
      else this.#lease.confirm(prolongation, view.term)
      this.#tell()
    }
    // What the watch should have told of, or a watch on an endpoint that has failed since.
    const isSurprise =
      view !== undefined && this.#heard.view === view && known !== undefined && gist(view) !== gist(known)
    if (isSurprise || this.#watch?.endpoint !== this.#gateway.endpoint) this.#watch?.doubt()
    await this.#registration.renew()
    if (this.#heard.view !== undefined) this.#watch ??= this.#openWatch()
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

/** Of one code it is told once, however its words change from one attempt to the next. */
function troubleOf(error: unknown): { readonly code: string; readonly reason: string } {
  return { code: error instanceof HoldfastError ? error.code : 'none', reason: reasonOf(error) }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === 'REPLICATION_UNAVAILABLE'
}
