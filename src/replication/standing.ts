/** What this node is at the moment, as its store, its broker and its server ask for it. */

import type { ClusterDescription } from '../broker/replication.js'
import { HoldfastError } from '../core/errors.js'
import type { Settings } from '../core/settings.js'
import type { CopiesElsewhere } from '../storage/copies-elsewhere.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { Authority } from './authority.js'
import type { ReplicaService, Replicated } from './contract.js'
import type { Leader } from './leader/leader.js'

export class Standing implements CopiesElsewhere, Replicated {
  readonly holdsBack: boolean
  readonly replicas: ReplicaService
  readonly #settings: Settings
  authority: Authority | undefined
  /** While this node leads, or is about to. */
  leader: Leader | undefined
  /** Clients are answered. */
  isReady = false
  /** Of the cluster, until somebody decides: what the directory says of itself. */
  ownClusterId = ''

  constructor(settings: Settings) {
    this.#settings = settings
    this.holdsBack = settings['replication.mode'] === 'sync'
    this.replicas = {
      fetch: (request) => this.#leading().fetch(request),
      acknowledge: (acknowledgement) => this.#leading().acknowledge(acknowledgement),
      endOfEpochs: (leaderEpoch, questions) => this.#leading().endOfEpochs(leaderEpoch, questions),
      report: (report) => this.#leading().report(report),
    }
  }

  readonly shownUpTo = (own: PartitionLog): number => this.leader?.shownUpTo(own) ?? 0

  get isCopy(): boolean {
    return this.leader === undefined
  }

  get epochOfNewLogs(): number {
    return this.leader?.epoch ?? 0
  }

  async topicsChanged(): Promise<void> {
    await this.leader?.topicsChanged()
  }

  get inSyncCount(): number {
    return this.leader?.inSyncCount ?? 0
  }

  get leaderEpoch(): number {
    return this.authority?.leadership?.epoch ?? 0
  }

  /** This node leads, and nobody else has begun to. */
  get leads(): boolean {
    return this.isReady && this.leader !== undefined && this.authority?.leads === true
  }

  assertLeads(): void {
    if (!this.leads) throw this.elsewhere()
    this.leader?.assertTakes()
  }

  assertReads(): void {
    if (!this.leads && !(this.#settings['replica.read'] && this.leader === undefined)) throw this.elsewhere()
  }

  describe(): ClusterDescription {
    const { leadership, members = [], isVacant = true } = this.authority ?? {}
    const leaderId = isVacant ? -1 : (leadership?.leaderId ?? -1)
    return {
      clusterId: leadership?.clusterId ?? this.ownClusterId,
      leaderId: members.some(({ nodeId }) => nodeId === leaderId) ? leaderId : -1,
      members,
      inSync: leadership?.inSync ?? [],
    }
  }

  /** Why this node does not answer. */
  elsewhere(): HoldfastError {
    const { leaderId, members } = this.describe()
    const leader = members.find(({ nodeId }) => nodeId === leaderId)
    const trouble = this.authority?.trouble
    const nobody = trouble === undefined ? 'nobody leads' : `nobody is known to lead, for ${trouble.replace(/\.$/, '')}`
    const who = leader === undefined ? nobody : `node ${leaderId} at ${leader.host}:${leader.port} leads`
    return new HoldfastError('NOT_LEADER_OR_FOLLOWER', `This node does not lead: at the moment ${who}.`)
  }

  #leading(): Leader {
    if (this.leader === undefined) throw this.elsewhere()
    return this.leader
  }
}
