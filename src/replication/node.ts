/**
 * One of the nodes that hold copies of the same logs: a store, a broker over it, and the role that it plays at the moment.
 * Roles are never mixed: what is copied has been appended before this node may begin to lead, and who waits for it as a
 * leader is refused before it begins to follow.
 */

import { Broker, type BrokerOptions } from '../broker/broker.js'
import type { Member } from '../broker/replication.js'
import type { Address } from '../core/addresses.js'
import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError, reasonOf } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { noMetrics } from '../core/metrics/metrics.js'
import { pause } from '../core/pause.js'
import { resolveSettings, type Settings } from '../core/settings.js'
import { Wakeup } from '../core/wakeup.js'
import { nodeDisk } from '../files/node-disk.js'
import { MessageStore } from '../storage/message-store.js'
import { greatestNodeId } from '../storage/producer-id-ranges.js'
import type { Authority } from './authority.js'
import type { LeaderReport, OpenLink, Replicated } from './contract.js'
import { diskTakes, FailedDisk, takesNoPart } from './failed-disk.js'
import { Follower } from './follower/follower.js'
import { Leader } from './leader/leader.js'
import { LeadershipFile } from './leadership-file.js'
import { logsOf } from './logs.js'
import { Others } from './others.js'
import { Person } from './person.js'
import { Standing } from './standing.js'
import { watchReplication } from './watching.js'

export interface NodeOptions extends BrokerOptions {
  readonly openLink: OpenLink
  /** Who decides; a person where absent. */
  readonly openAuthority?: (self: Member) => Promise<Authority>
}

interface Parts {
  readonly broker: Broker
  readonly store: MessageStore
  readonly standing: Standing
  readonly file: LeadershipFile
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: Logger
  readonly options: NodeOptions
}

/** A node that has nothing lets others begin a cluster first. */
const emptyNodeWaitsMs = 1000
/** After a lead was let go of, the node that it is meant for comes first. */
const othersWaitMs = 500
const lookAgainMs = 200
/** A leader that is there is heard of every second. */
const leaderIsSilentMs = 3000
/** Longer than replicas take between two reports, and a leader to let go. */
const handOverMs = 15_000

export class ReplicaNode {
  readonly #parts: Parts
  readonly #changed = new Wakeup()
  readonly #closing = new AbortController()
  #self: Member
  #authority: Authority | undefined
  /** Where a person decides: the same object. */
  #person: Person | undefined
  readonly #others: Others
  #vacantSinceMs: number | undefined
  #wantsToLead = false
  /** The leader has let go for this node. */
  #isOffered = false
  /** Its disk has failed. */
  #isOut = false
  /** The last epoch in which this process led. */
  #ledIn: number | undefined
  #heardOfLeaderMs = Number.NEGATIVE_INFINITY
  #stopTelling: () => void = () => {}
  #running: Promise<void> | undefined
  #closed: Promise<void> | undefined

  private constructor(parts: Parts) {
    this.#parts = parts
    const { store, settings } = parts
    this.#self = { nodeId: store.nodeId, host: '', port: 0, rack: settings['broker.rack'] }
    this.#others = new Others({
      ...parts,
      openLink: parts.options.openLink,
      self: () => this.#self,
      authority: () => this.#authority,
      person: () => this.#person,
      clusterId: () => this.#clusterId(),
      knownEpoch: () => this.#knownEpoch(),
    })
  }

  /**
   * Opens the data directory. The node has no role before it is told where it is reached.
   * @throws what {@link Broker.open} throws; INVALID_SETTING
   */
  static async open(path: string, options: NodeOptions): Promise<ReplicaNode> {
    const { clock = systemClock, logger = silentLogger, disk = nodeDisk } = options
    const settings = resolveSettings(options.settings)
    if (settings['node.id'] > greatestNodeId) {
      throw new HoldfastError('INVALID_SETTING', `node.id of a node with replicas is at most ${greatestNodeId}.`)
    }
    const standing = new Standing(settings)
    const store = await MessageStore.open(path, { ...options, settings, elsewhere: standing })
    try {
      standing.ownClusterId = store.clusterId
      const file = await LeadershipFile.load(disk, store.configPath)
      const broker = await Broker.over(store, standing, options)
      return new ReplicaNode({ broker, store, standing, file, settings: store.settings, clock, logger, options })
    } catch (error) {
      await store.close()
      throw error
    }
  }

  get broker(): Broker {
    return this.#parts.broker
  }

  /** For the server of this node. */
  get replicated(): Replicated {
    return this.#parts.standing
  }

  /** Answers clients as their leader. */
  get leads(): boolean {
    return this.#parts.standing.leads
  }

  /** Why it cannot be known who leads, where that is so. */
  get trouble(): string | undefined {
    return this.#authority?.trouble
  }

  /** Takes up a role; resolves when others may hear of this node, or when what decides does not answer. @throws what the authority throws where it cannot begin */
  async start({ host, port }: Address): Promise<void> {
    const { options, file, settings, logger, standing } = this.#parts
    this.#self = { ...this.#self, host, port }
    if (options.openAuthority === undefined) {
      const isFirst = settings['replica.of'] === ''
      this.#person = new Person({ file, self: this.#self, isFirst, logger })
    }
    const authority = this.#person ?? (await options.openAuthority?.(this.#self))
    invariant(authority !== undefined, 'somebody decides')
    this.#authority = authority
    standing.authority = authority
    authority.onChange(() => {
      standing.leader?.wake()
      this.#changed.wake()
    })
    this.#stopTelling = watchReplication(options.metrics ?? noMetrics, standing)
    this.#running = this.#run()
  }

  /**
   * Takes the lead over from the one that leads, which loses no request by it; where none can be heard, by what this node knows.
   * Resolves when this node leads.
   * @throws INVALID_REQUEST where this node may not; REPLICATION_UNAVAILABLE where the leader did not let go in time
   */
  async promote({ unclean = false } = {}): Promise<void> {
    const { clock, store } = this.#parts
    if (this.leads) return
    if (this.#isOut) throw takesNoPart()
    this.#wantsToLead = true
    this.#changed.wake()
    const deadline = clock.monotonic() + handOverMs
    try {
      while (!this.leads && clock.monotonic() < deadline && !this.#closing.signal.aborted) {
        const isLed = clock.monotonic() - this.#heardOfLeaderMs < leaderIsSilentMs
        if (!isLed && this.#person !== undefined) {
          await this.#person.promote(this.#clusterId() || store.clusterId, this.#greatestEpoch(), unclean)
        }
        await this.#changed.wait(clock, lookAgainMs)
      }
      if (!this.leads) {
        const why =
          'The leader did not let go of the lead: this node may not be in sync, or the leader cannot be reached.'
        throw new HoldfastError('REPLICATION_UNAVAILABLE', why)
      }
    } finally {
      this.#wantsToLead = false
    }
  }

  /** Lets go of the lead where this node has it, and closes the broker with its store. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#stopTelling()
    await this.#running
    await this.#authority?.close()
    await this.#parts.broker.close()
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#parts
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#takeARole()
      } catch (err) {
        logger.error({ err, reason: reasonOf(err) }, 'The role of this node could not be taken up; it is tried again.')
        await pause(clock, lookAgainMs, signal)
      }
    }
  }

  async #takeARole(): Promise<void> {
    const authority = this.#authority
    invariant(authority !== undefined, 'a node that runs has been started')
    if (this.#isOut) await this.#changed.wait(this.#parts.clock, lookAgainMs, this.#closing.signal)
    else if (authority.leads) await this.#lead(authority)
    else await this.#takeAnother(authority)
  }

  async #takeAnother(authority: Authority): Promise<void> {
    if (this.#isOffered || this.#mayClaim(authority)) {
      if (await this.#claim(authority)) return
      await this.#changed.wait(this.#parts.clock, lookAgainMs)
    } else if (authority.mayFollow && this.#others.addresses().length > 0) await this.#follow(authority)
    else await this.#changed.wait(this.#parts.clock, lookAgainMs)
  }

  async #claim(authority: Authority): Promise<boolean> {
    const { store, file } = this.#parts
    const isOffered = this.#isOffered
    this.#isOffered = false
    if (this.#person !== undefined && isOffered) {
      await this.#person.promote(store.clusterId, this.#greatestEpoch(), false)
      return true
    }
    if (!(await diskTakes(store, file))) return false
    // A primary that was away may have been replaced.
    if (this.#person?.leadership !== undefined && (await this.#others.isReplaced())) return false
    return authority.claim(this.#clusterId() || store.clusterId, this.#greatestEpoch())
  }

  /** Nobody leads, and this node has everything that was acknowledged. */
  #mayClaim(authority: Authority): boolean {
    const { clock, file, store } = this.#parts
    const { leadership, isVacant } = authority
    if (!isVacant) {
      this.#vacantSinceMs = undefined
      return false
    }
    const now = clock.monotonic()
    this.#vacantSinceMs ??= now
    if (leadership === undefined) {
      return this.#person !== undefined || store.topics().length > 0 || now - this.#vacantSinceMs > emptyNodeWaitsMs
    }
    const { nodeId } = this.#self
    // A directory that was emptied may not lead by what is remembered of its node.
    const known = file.record?.leadership
    const hasAll = leadership.inSync.includes(nodeId) && known?.inSync.includes(nodeId) === true
    if (!hasAll || known?.clusterId !== leadership.clusterId) return false
    return leadership.leaderId !== -1 || this.#wantsToLead || now - this.#vacantSinceMs > othersWaitMs
  }

  async #lead(authority: Authority): Promise<void> {
    const { store, standing, file, broker, settings, clock, logger } = this.#parts
    // It could not go on, and begins anew in its epoch: nobody who came into the set before is waited for any more.
    if (authority.leadership?.epoch === this.#ledIn) await authority.setInSync([this.#self.nodeId])
    const { leadership } = authority
    if (leadership === undefined) return
    const { epoch } = leadership
    await file.put({ leadership, members: authority.members })
    await Promise.all(logsOf(store).map((log) => log.beginEpoch(epoch)))
    const leader = new Leader({
      store,
      leadership,
      self: this.#self,
      authority,
      settings,
      clock,
      logger,
      onReported: (member) => this.#person?.hear(member),
      onDeposed: () => this.#others.look(),
    })
    for (const log of logsOf(store)) log.accept()
    this.#ledIn = epoch
    standing.leader = leader
    leader.wake()
    const leads = (): boolean =>
      authority.leads && authority.leadership?.epoch === epoch && !this.#closing.signal.aborted
    const stopWatching = this.#others.watch()
    try {
      await broker.lead()
      standing.isReady = true
      logger.info({ epoch }, 'This node leads.')
      this.#changed.wake()
      const disk = new FailedDisk(store, clock)
      while (leads() && !(await this.#letsGo(authority, disk))) {
        await this.#changed.wait(clock, lookAgainMs, this.#closing.signal)
      }
    } finally {
      stopWatching()
      standing.isReady = false
      leader.stop(standing.elsewhere())
      await broker.stepDown()
      standing.leader = undefined
      logger.info({ epoch }, 'This node does not lead any more.')
    }
  }

  /**
   * A leader whose disk has failed lets go where etcd can choose another and enough are left for acks=all. It takes no part
   * any more then, until it is started anew: so two nodes with bad disks cannot hand the lead to and fro.
   */
  async #letsGo(authority: Authority, disk: FailedDisk): Promise<boolean> {
    const { standing, settings, logger } = this.#parts
    const others = standing.inSyncCount - 1
    if (this.#person !== undefined || !standing.holdsBack || others < settings['min.insync.replicas']) return false
    const failure = disk.look()
    if (failure === undefined) return false
    logger.error({ err: failure }, 'The disk of this node has failed: it lets go of the lead until it is started anew.')
    this.#isOut = true
    await authority.letGo()
    return true
  }

  async #follow(authority: Authority): Promise<void> {
    const { store, broker, settings, clock, logger, options } = this.#parts
    const ended = new AbortController()
    const epoch = authority.leadership?.epoch
    const follower = new Follower({
      store,
      copied: broker.copied,
      self: this.#self,
      settings,
      clock,
      logger,
      openLink: options.openLink,
      addresses: () => this.#others.addresses(),
      clusterId: () => this.#clusterId(),
      leaderEpoch: () => this.#knownEpoch(),
      wantsToLead: () => this.#wantsToLead,
      onReport: (report) => this.#hear(report),
    })
    const running = follower.run(ended.signal)
    try {
      // What a person decided the leader tells, whom this node follows then.
      const isAsBefore = () =>
        authority.mayFollow && (this.#person !== undefined || authority.leadership?.epoch === epoch)
      while (isAsBefore() && !authority.leads && !this.#isOffered && !this.#mayClaim(authority)) {
        if (this.#closing.signal.aborted) break
        await this.#changed.wait(clock, lookAgainMs, this.#closing.signal)
      }
    } finally {
      ended.abort()
      await running
    }
  }

  /** @throws COPY_DIVERGED, INCONSISTENT_CLUSTER_ID where this directory may not follow that leader */
  async #hear({ leadership, members, mayLead }: LeaderReport): Promise<void> {
    const { file, store } = this.#parts
    const known = file.record?.leadership
    if (known === undefined && store.topics().length > 0) {
      const why = `${store.path} holds topics of its own, which following node ${leadership.leaderId} would delete. Let a replica begin with an empty data directory.`
      throw new HoldfastError('COPY_DIVERGED', why)
    }
    if (known !== undefined && known.clusterId !== leadership.clusterId) {
      const why = `${store.path} belongs to cluster ${known.clusterId}, and node ${leadership.leaderId} to ${leadership.clusterId}.`
      throw new HoldfastError('INCONSISTENT_CLUSTER_ID', why)
    }
    if (this.#person === undefined) await file.put({ leadership, members })
    else await this.#person.learn(leadership, members)
    this.#heardOfLeaderMs = this.#parts.clock.monotonic()
    if (!mayLead) return
    this.#isOffered = true
    this.#changed.wake()
  }

  #clusterId(): string {
    return this.#parts.file.record?.leadership.clusterId ?? ''
  }

  #knownEpoch(): number {
    return Math.max(this.#authority?.leadership?.epoch ?? 0, this.#parts.file.record?.leadership.epoch ?? 0)
  }

  /** Also of a directory that had another past: of Kafka's, or of an etcd that was set up anew. */
  #greatestEpoch(): number {
    return logsOf(this.#parts.store).reduce(
      (greatest, { leaderEpoch }) => Math.max(greatest, leaderEpoch),
      this.#knownEpoch(),
    )
  }
}
