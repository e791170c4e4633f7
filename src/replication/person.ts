/**
 * A person decides who leads, by `holdfast promote`; what was decided each directory remembers for itself. A primary that
 * is started again begins the next epoch, a promotion one that lies far beyond: so the two cannot meet in one epoch while
 * the nodes do not reach each other. What this cannot prevent, and etcd does: that a primary which is cut off goes on, where
 * `min.insync.replicas` does not ask for a second copy.
 */

import type { Member } from '../broker/replication.js'
import { HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import { Mutex } from '../core/mutex.js'
import type { Authority, Leadership } from './authority.js'
import type { LeadershipFile } from './leadership-file.js'

/** Far more often than a primary is started again between two promotions. */
const epochsPerPromotion = 1000

export interface PersonOptions {
  readonly file: LeadershipFile
  readonly self: Member
  /** No other node is named: a new directory begins a cluster. */
  readonly isFirst: boolean
  readonly logger: Logger
}

export class Person implements Authority {
  readonly #options: PersonOptions
  readonly #changes = new Mutex()
  readonly #listeners = new Set<() => void>()
  /** Ids are the person's care. */
  readonly mayFollow = true
  #leads = false
  #members: readonly Member[]

  constructor(options: PersonOptions) {
    this.#options = options
    this.#members = withMember(options.file.record?.members ?? [], options.self)
  }

  get leadership(): Leadership | undefined {
    return this.#options.file.record?.leadership
  }

  get members(): readonly Member[] {
    return this.#members
  }

  get leads(): boolean {
    return this.#leads
  }

  /** A leader that was stopped goes on; who else may lead a person has to say. */
  get isVacant(): boolean {
    const { leadership } = this
    if (leadership === undefined) return this.#options.isFirst
    return !this.#leads && leadership.leaderId === this.#options.self.nodeId
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  claim(clusterId: string, aboveEpoch: number): Promise<boolean> {
    return this.#changes.run(async () => {
      if (!this.isVacant) return false
      const { leadership } = this
      await this.#begin(leadership?.clusterId ?? clusterId, Math.max(leadership?.epoch ?? 0, aboveEpoch) + 1)
      return true
    })
  }

  /**
   * This node leads from now on.
   * @throws INVALID_REQUEST where it was not in sync when it last heard of its leader, unless `unclean`: what others
   * acknowledged would be lost
   */
  promote(clusterId: string, aboveEpoch: number, unclean: boolean): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#leads) return
      const { leadership } = this
      const { nodeId } = this.#options.self
      if (!unclean && leadership !== undefined && !leadership.inSync.includes(nodeId)) {
        const others = leadership.inSync.join(', ')
        const why = `Node ${nodeId} was not in sync when it last heard of its leader; ${others} were. Promote one of those, or add --unclean and lose what this node lacks.`
        throw new HoldfastError('INVALID_REQUEST', why)
      }
      const term = Math.floor(Math.max(leadership?.epoch ?? 0, aboveEpoch) / epochsPerPromotion) + 1
      await this.#begin(leadership?.clusterId ?? clusterId, term * epochsPerPromotion)
    })
  }

  setInSync(inSync: readonly number[]): Promise<void> {
    return this.#changes.run(async () => {
      const { leadership } = this
      if (!this.#leads || leadership === undefined) throw new HoldfastError('NOT_LEADER_OR_FOLLOWER')
      await this.#put({ ...leadership, inSync })
    })
  }

  letGo(): Promise<void> {
    return this.#changes.run(async () => {
      const { leadership } = this
      if (!this.#leads || leadership === undefined) return
      this.#leads = false
      await this.#put({ ...leadership, leaderId: -1 })
    })
  }

  /** A node that leads by this was heard of. Nothing where what is known here is as new. */
  learn(leadership: Leadership, members: readonly Member[]): Promise<void> {
    return this.#changes.run(async () => {
      const known = this.leadership
      if (known !== undefined && leadership.epoch < known.epoch) return
      if (known?.epoch === leadership.epoch && this.#leads) {
        if (leadership.leaderId === this.#options.self.nodeId) return
        this.#options.logger.error({ leadership }, 'Two nodes lead in the same epoch: stop one of them at once.')
        return
      }
      this.#leads = false
      this.#members = members.reduce(withMember, withMember([], this.#options.self))
      await this.#put(leadership)
    })
  }

  /** A replica reported itself. */
  hear(member: Member): void {
    const known = this.#members.find(({ nodeId }) => nodeId === member.nodeId)
    if (known !== undefined && known.host === member.host && known.port === member.port && known.rack === member.rack)
      return
    this.#members = withMember(this.#members, member)
    const { leadership } = this
    if (leadership === undefined) return
    this.#changes
      .run(() => this.#put(leadership === this.leadership ? leadership : (this.leadership ?? leadership)))
      .catch((err: unknown) => this.#options.logger.warn({ err }, 'A replica could not be written down.'))
  }

  async close(): Promise<void> {
    this.#leads = false
    await this.#changes.run(async () => {})
  }

  async #begin(clusterId: string, epoch: number): Promise<void> {
    const { nodeId } = this.#options.self
    await this.#options.file.put({
      leadership: { clusterId, epoch, leaderId: nodeId, inSync: [nodeId] },
      members: this.#members,
    })
    this.#leads = true
    this.#tell()
  }

  async #put(leadership: Leadership): Promise<void> {
    await this.#options.file.put({ leadership, members: this.#members })
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

function withMember(members: readonly Member[], member: Member): readonly Member[] {
  return [...members.filter(({ nodeId }) => nodeId !== member.nodeId), member]
}
