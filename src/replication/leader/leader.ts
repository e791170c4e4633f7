/**
 * The node that leads: it answers its replicas, knows how far each is, and moves the high watermarks to what every in-sync
 * replica has.
 */

import type { Member } from '../../broker/replication.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { pause } from '../../core/pause.js'
import type { Settings } from '../../core/settings.js'
import { Wakeup } from '../../core/wakeup.js'
import type { MessageStore } from '../../storage/message-store.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { Authority, Leadership } from '../authority.js'
import type {
  EpochAnswer,
  EpochQuestion,
  LeaderReport,
  ReplicaAcknowledgement,
  ReplicaFetch,
  ReplicaFetched,
  ReplicaReport,
  ReplicaService,
} from '../contract.js'
import { logsOf } from '../logs.js'
import { InSyncSet } from './in-sync-set.js'
import { Replica } from './replica.js'
import { Session } from './session.js'
import { TopicSharing } from './topic-sharing.js'

export interface LeaderOptions {
  readonly store: MessageStore
  /** By which it leads. */
  readonly leadership: Leadership
  readonly self: Member
  readonly authority: Authority
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: Logger
  /** A replica reported itself. */
  readonly onReported: (member: Member) => void
  /** Somebody knows of a later leadership. */
  readonly onDeposed: () => void
}

/** How long a planned change of the leader may take; who sends meanwhile tries again. */
const handOverMs = 10_000
const answerFirstMs = 50

export class Leader implements ReplicaService {
  readonly #options: LeaderOptions
  readonly #replicas = new Map<number, Replica>()
  readonly #inSync: InSyncSet
  readonly #topics: TopicSharing
  readonly #news = new Wakeup()
  #lastSession = 0
  #refusal: HoldfastError | undefined
  /** Nothing new is taken: the lead goes to this replica. */
  #handingOverTo: number | undefined

  constructor(options: LeaderOptions) {
    this.#options = options
    const { clock, logger, authority, settings } = options
    this.#topics = new TopicSharing(options.store, () => this.#leastCatalogVersion())
    this.#inSync = new InSyncSet({
      authority,
      clock,
      logger,
      lagMaxMs: () => settings['replica.lag.time.max.ms'],
      replicas: () => this.#replicas.values(),
      isComplete: (replica) => this.#isComplete(replica),
      onCounted: () => this.#lookAtAll(),
    })
  }

  get epoch(): number {
    return this.#options.leadership.epoch
  }

  /** Of one that leads: what it counts for `min.insync.replicas`. */
  get inSyncCount(): number {
    return this.#inSync.recorded.length
  }

  get replicas(): Iterable<Replica> {
    return this.#replicas.values()
  }

  /** It takes what is new. @throws NOT_LEADER_OR_FOLLOWER */
  assertTakes(): void {
    if (this.#refusal !== undefined) throw this.#refusal
    if (this.#handingOverTo === undefined) return
    throw new HoldfastError('NOT_LEADER_OR_FOLLOWER', `Node ${this.#handingOverTo} is about to lead.`)
  }

  /** Up to where a log may be shown. */
  shownUpTo(own: PartitionLog): number {
    let limit = own.highWatermark
    if (this.#options.settings['replication.mode'] === 'async') return limit
    for (const nodeId of this.#inSync.counted) {
      limit = Math.min(limit, this.#replicas.get(nodeId)?.offsetOf(own) ?? 0)
    }
    return limit
  }

  /** Resolves when those who are waited for have the topics as they are now. */
  topicsChanged(): Promise<void> {
    const shared = this.#topics.shared()
    this.#news.wake()
    return shared
  }

  async fetch(request: ReplicaFetch): Promise<ReplicaFetched> {
    this.#assertEpoch(request.leaderEpoch)
    const replica = this.#replica(request.replicaId)
    const session = this.#sessionOf(replica, request)
    session.move(request)
    replica.hear()
    this.#dropIfWorse(replica)
    this.#inSync.consider(replica)
    await session.wait(request.maxWaitMs, request.signal)
    this.#assertEpoch(request.leaderEpoch)
    if (session !== replica.session) throw new HoldfastError('FETCH_SESSION_ID_NOT_FOUND')
    return { sessionId: session.id, partitions: await session.read(request.maxBytes) }
  }

  async acknowledge(acknowledgement: ReplicaAcknowledgement): Promise<void> {
    this.#assertEpoch(acknowledgement.leaderEpoch)
    const replica = this.#replica(acknowledgement.replicaId)
    presentSession(replica, acknowledgement.sessionId).acknowledge(acknowledgement)
    replica.hear()
    this.#inSync.consider(replica)
  }

  async endOfEpochs(leaderEpoch: number, questions: readonly EpochQuestion[]): Promise<readonly EpochAnswer[]> {
    this.#assertEpoch(leaderEpoch)
    return questions.map(({ topic, partition, epoch }) => {
      const own = this.#options.store.heldBack(topic, partition)?.own
      const found = own?.endOffsetOfEpoch(epoch) ?? { epoch: -1, endOffset: -1 }
      return { topic, partition, ...found }
    })
  }

  async report(report: ReplicaReport): Promise<LeaderReport> {
    const { clusterId } = this.#options.leadership
    const { member, leaderEpoch, maxWaitMs, wantsToLead, signal } = report
    if (report.clusterId !== '' && report.clusterId !== clusterId) {
      const why = `Node ${member.nodeId} belongs to cluster ${report.clusterId}, and its leader to ${clusterId}.`
      throw new HoldfastError('INCONSISTENT_CLUSTER_ID', why)
    }
    if (member.nodeId === this.#options.self.nodeId) {
      const why = `Node ${member.nodeId} cannot copy itself: two nodes have the same node.id, or one is its own replica.of.`
      throw new HoldfastError('INVALID_REQUEST', why)
    }
    if (leaderEpoch > this.epoch) this.#options.onDeposed()
    this.#assertLeads()
    const replica = this.#replica(member.nodeId)
    this.#options.onReported(member)
    if (report.clusterId === '') {
      // A directory that was emptied lacks what was acknowledged, whatever it had.
      replica.session?.close()
      replica.session = undefined
      await this.#inSync.remove(replica, 'its directory is a new one')
    }
    const isOurs = leaderEpoch === this.epoch
    replica.catalogVersion = isOurs ? report.catalogVersion : 0
    this.#topics.look()
    this.#inSync.consider(replica)
    const mayLead = wantsToLead && isOurs && (await this.#handOver(replica))
    const isUpToDate = isOurs && replica.catalogVersion === this.#topics.version
    if (isUpToDate && !mayLead) {
      await this.#news.wait(this.#options.clock, maxWaitMs, signal)
    }
    return this.#reportTo(replica, mayLead)
  }

  /** What was decided, or who there is, has changed: replicas hear of it. */
  wake(): void {
    this.#lookAtAll()
    this.#news.wake()
  }

  /** Another leads, or nobody: who waits, and who asks from now on, is told so. */
  stop(error: HoldfastError): void {
    this.#refusal = error
    this.#inSync.close()
    this.#topics.refuse(new HoldfastError('NOT_CONTROLLER', error.message, { cause: error }))
    for (const log of logsOf(this.#options.store)) log.refuse(error)
    for (const { session } of this.#replicas.values()) session?.close()
    this.#news.wake()
  }

  #lookAtAll(): void {
    for (const log of logsOf(this.#options.store)) log.look()
    this.#topics.look()
  }

  #replica(nodeId: number): Replica {
    let replica = this.#replicas.get(nodeId)
    if (replica === undefined) {
      replica = new Replica(nodeId, this.#options.clock)
      this.#replicas.set(nodeId, replica)
    }
    return replica
  }

  #sessionOf(replica: Replica, { sessionId, sessionEpoch }: ReplicaFetch): Session {
    const before = replica.session
    if (sessionId === 0) {
      const { store, clock, settings } = this.#options
      const session = new Session({
        id: ++this.#lastSession,
        clock,
        before,
        // A copy of a topic that had the name before is none of this one.
        logOf: ({ topic, partition }) =>
          this.#topics.isKnownIn(replica.catalogVersion, topic) ? store.heldBack(topic, partition) : undefined,
        onMoved: ({ log }) => {
          if (this.#inSync.counted.has(replica.nodeId)) log.look()
        },
        tellsAtOnce: () => settings['replica.read'],
      })
      before?.close()
      replica.session = session
      return session
    }
    const session = presentSession(replica, sessionId)
    session.expect(sessionEpoch)
    return session
  }

  /** What was shown and a copy has lost, it may not lead with. */
  #dropIfWorse(replica: Replica): void {
    if (!this.#inSync.has(replica.nodeId)) return
    for (const { log, offset } of replica.session?.behind ?? []) {
      if (log.isClosed || offset >= log.highWatermark) continue
      this.#inSync
        .remove(replica, `it lacks ${log.topic}-${log.partition} from ${offset} on`)
        .catch((err: unknown) =>
          this.#options.logger.warn({ err }, 'A replica could not be taken out of the in-sync set.'),
        )
      return
    }
  }

  #isComplete({ session, catalogVersion }: Replica): boolean {
    return catalogVersion === this.#topics.version && session?.size === this.#topics.partitionCount()
  }

  #leastCatalogVersion(): number {
    let least = Number.POSITIVE_INFINITY
    for (const nodeId of this.#inSync.counted) {
      least = Math.min(least, this.#replicas.get(nodeId)?.catalogVersion ?? 0)
    }
    return least
  }

  /** Takes nothing new until the replica has everything, and then lets go of the lead. Resolves with whether it does. */
  async #handOver(replica: Replica): Promise<boolean> {
    if (this.#handingOverTo !== undefined || !this.#inSync.has(replica.nodeId)) return false
    const { clock, authority, logger } = this.#options
    this.#handingOverTo = replica.nodeId
    const deadline = clock.monotonic() + handOverMs
    while (!this.#hasAll(replica) && clock.monotonic() < deadline && this.#refusal === undefined) await pause(clock, 5)
    if (this.#refusal === undefined && this.#hasAll(replica) && this.#inSync.has(replica.nodeId)) {
      logger.info({ to: replica.nodeId }, 'The lead is handed over.')
      // The answer that says so goes first: what fails after it is no reason for the replica to look for somebody else.
      clock.schedule(answerFirstMs, () => {
        authority.letGo().catch((err: unknown) => logger.warn({ err }, 'The lead could not be let go of.'))
      })
      return true
    }
    this.#handingOverTo = undefined
    return false
  }

  #hasAll(replica: Replica): boolean {
    if (!this.#isComplete(replica)) return false
    for (const log of logsOf(this.#options.store)) {
      if (replica.offsetOf(log.own) < log.own.logEndOffset || log.highWatermark < log.own.logEndOffset) return false
    }
    return true
  }

  #reportTo(replica: Replica, mayLead: boolean): LeaderReport {
    const { authority, leadership } = this.#options
    const { version } = this.#topics
    return {
      leadership: authority.leadership ?? leadership,
      members: authority.members,
      catalogVersion: version,
      catalog: replica.catalogVersion === version ? undefined : this.#topics.topics(),
      mayLead,
    }
  }

  #assertLeads(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  #assertEpoch(leaderEpoch: number): void {
    this.#assertLeads()
    if (leaderEpoch === this.epoch) return
    if (leaderEpoch > this.epoch) this.#options.onDeposed()
    const code = leaderEpoch < this.epoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
    throw new HoldfastError(code, `This node leads in epoch ${this.epoch}, not in ${leaderEpoch}.`)
  }
}

/** @throws FETCH_SESSION_ID_NOT_FOUND */
function presentSession({ session, nodeId }: Replica, sessionId: number): Session {
  if (session?.id === sessionId) return session
  throw new HoldfastError('FETCH_SESSION_ID_NOT_FOUND', `Replica ${nodeId} has no session ${sessionId}.`)
}
