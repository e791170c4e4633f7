/**
 * Membership in a group, classic protocol: join, assign where this member leads, sync, and beat until the group asks
 * to join again. Everything is one loop, so that no two steps of it ever overlap.
 */

import type { BrokerService } from '../broker/contract.js'
import type { JoinResult, MemberRef } from '../broker/groups/contract.js'
import type { Clock, Timer } from '../core/clock.js'
import { type ErrorCode, HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import { type AssignorName, assignors, kafkajsRoundRobin, type Subscriber } from './assignors.js'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type PartitionsByTopic,
} from './consumer-protocol.js'

export interface GroupSessionOptions {
  readonly service: BrokerService
  readonly clock: Clock
  readonly logger: Logger
  readonly groupId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly topics: readonly string[]
  /** In order of preference; the group settles on one that all its members know. */
  readonly assignors: readonly AssignorName[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** How often a leader looks whether its topics have gained partitions. */
  readonly metadataRefreshMs: number
}

export interface GroupSessionEvents {
  /** The member is about to join again, when this resolves: what it has may then go to others. */
  onRebalancing(): Promise<void>
  /** `isContinuous`: no generation went by without this member, so what it had and has again was nobody else's. */
  onAssigned(partitions: PartitionsByTopic, isContinuous: boolean): void
  /** The membership is over. */
  onFailed(error: unknown): void
}

type Coded = Partial<Record<ErrorCode, true>>
const rejoinable: Coded = { REBALANCE_IN_PROGRESS: true, ILLEGAL_GENERATION: true, UNKNOWN_MEMBER_ID: true }
const passing: Coded = {
  COORDINATOR_LOAD_IN_PROGRESS: true,
  COORDINATOR_NOT_AVAILABLE: true,
  NOT_COORDINATOR: true,
  CONNECTION_FAILED: true,
}
/** Before a coordinator that is not there is asked again. */
const retryMs = 100

export class GroupSession {
  readonly #options: GroupSessionOptions
  readonly #events: GroupSessionEvents
  #memberId = ''
  #generationId = -1
  /** The last generation this member was assigned something in; -1 since it was forgotten. */
  #assignedGenerationId = -1
  /** Partition counts that the last assignment was made from, where this member leads. */
  #counts: ReadonlyMap<string, number> | undefined
  #countedAtMs = 0
  #leaving = false
  #rejoinAsked = false
  #wake: (() => void) | undefined
  #loop: Promise<void> | undefined

  constructor(options: GroupSessionOptions, events: GroupSessionEvents) {
    this.#options = options
    this.#events = events
  }

  /** Who this member is at present, for its commits. */
  get member(): MemberRef {
    return {
      groupId: this.#options.groupId,
      memberId: this.#memberId,
      groupInstanceId: this.#options.instanceId,
      generationId: this.#generationId,
    }
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** Somebody else has heard that the generation is over. */
  rejoin(): void {
    this.#rejoinAsked = true
    this.#wake?.()
  }

  /** Leaves the group, at once. A static member only stops beating: its place is kept for its session timeout. */
  async leave(): Promise<void> {
    this.#leaving = true
    this.#wake?.()
    // Its join may wait for the whole group, and nothing can call it back.
    if (this.#options.instanceId !== null) return
    const memberId = this.#memberId
    await this.#leaveAs(memberId)
    await this.#loop
    if (this.#memberId !== memberId) await this.#leaveAs(this.#memberId)
  }

  async #run(): Promise<void> {
    while (!this.#leaving) {
      try {
        const partitions = await this.#joinAndSync()
        if (this.#leaving) return
        const generationsSince = this.#generationId - this.#assignedGenerationId
        const isContinuous = this.#assignedGenerationId >= 0 && generationsSince >= 0 && generationsSince <= 1
        this.#assignedGenerationId = this.#generationId
        this.#events.onAssigned(partitions, isContinuous)
        await this.#beatUntilRejoin()
        if (!this.#leaving) await this.#events.onRebalancing()
      } catch (error) {
        if (this.#leaving) return
        const code = error instanceof HoldfastError ? error.code : undefined
        if (code === undefined || !(rejoinable[code] || passing[code])) {
          this.#events.onFailed(error)
          return
        }
        this.#options.logger.debug({ group: this.#options.groupId, code }, 'joining the group again')
        // Under the old name still: what is committed without one would be taken for a consumer outside of the group.
        await this.#events.onRebalancing()
        if (code === 'UNKNOWN_MEMBER_ID') this.#forget()
        if (passing[code]) await this.#pause(retryMs)
      }
    }
  }

  #forget(): void {
    this.#memberId = ''
    this.#generationId = -1
    this.#assignedGenerationId = -1
  }

  async #joinAndSync(): Promise<PartitionsByTopic> {
    this.#rejoinAsked = false
    const joined = await this.#join()
    this.#memberId = joined.memberId
    this.#generationId = joined.generationId
    this.#counts = undefined
    const isLeader = joined.leaderId === joined.memberId
    const assignments = isLeader && !joined.skipAssignment ? await this.#assign(joined) : []
    const { protocolType, protocolName } = joined
    const { assignment } = await this.#options.service.syncGroup({
      ...this.member,
      protocolType,
      protocolName,
      assignments,
    })
    return decodeAssignment(assignment)
  }

  async #join(): Promise<JoinResult> {
    const { service, groupId, instanceId, clientId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const metadata = encodeSubscription(topics)
    const names = this.#options.assignors.flatMap((name) =>
      name === 'roundrobin' ? [name, kafkajsRoundRobin] : [name],
    )
    for (;;) {
      const answer = await service.joinGroup({
        groupId,
        memberId: this.#memberId,
        groupInstanceId: instanceId,
        protocolType: 'consumer',
        protocols: names.map((name) => ({ name, metadata })),
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        clientId,
        clientHost: '/127.0.0.1',
        requireKnownMemberId: true,
        supportsSkippingAssignment: true,
      })
      if (!('memberIdRequired' in answer)) return answer
      this.#memberId = answer.memberIdRequired
      if (this.#leaving) throw new HoldfastError('REBALANCE_IN_PROGRESS', 'The member leaves before it has joined.')
    }
  }

  async #assign(joined: JoinResult): Promise<{ memberId: string; assignment: Buffer }[]> {
    const assignor = assignors.get(joined.protocolName)
    if (assignor === undefined) {
      throw new HoldfastError('INCONSISTENT_GROUP_PROTOCOL', `There is no assignor "${joined.protocolName}" here.`)
    }
    const subscribers: Subscriber[] = joined.members.map(({ memberId, groupInstanceId, metadata }) => ({
      memberId,
      groupInstanceId,
      topics: decodeSubscription(metadata),
    }))
    const topics = [...new Set(subscribers.flatMap((subscriber) => subscriber.topics))]
    this.#counts = await this.#countPartitions(topics)
    const assignments = assignor(subscribers, this.#counts)
    return [...assignments].map(([memberId, given]) => ({ memberId, assignment: encodeAssignment(given) }))
  }

  async #countPartitions(topics: readonly string[]): Promise<Map<string, number>> {
    const { service, clock } = this.#options
    this.#countedAtMs = clock.monotonic()
    const described = await service.describeTopics(topics)
    return new Map(described.map(({ name, partitions }) => [name, partitions.length]))
  }

  /** Returns when the group has to be joined again or is left; throws what the coordinator says. */
  async #beatUntilRejoin(): Promise<void> {
    while (!this.#leaving && !this.#rejoinAsked) {
      await this.#pause(this.#options.heartbeatIntervalMs)
      if (this.#leaving || this.#rejoinAsked) return
      try {
        await this.#options.service.heartbeat(this.member)
      } catch (error) {
        // A member that cannot reach its coordinator goes on until its session is over: it may still be in the group.
        if (!(error instanceof HoldfastError) || !passing[error.code]) throw error
      }
      if (await this.#topicsHaveGrown()) return
    }
  }

  /** As leader: topics have appeared, gone, or gained partitions since the assignment was made. */
  async #topicsHaveGrown(): Promise<boolean> {
    const { clock, metadataRefreshMs } = this.#options
    const before = this.#counts
    if (before === undefined || clock.monotonic() - this.#countedAtMs < metadataRefreshMs) return false
    const now = await this.#countPartitions([...new Set([...before.keys(), ...this.#options.topics])])
    return now.size !== before.size || [...now].some(([topic, count]) => before.get(topic) !== count)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      this.#wake = () => {
        timer?.cancel()
        this.#wake = undefined
        resolve()
      }
      timer = this.#options.clock.schedule(ms, this.#wake)
    })
  }

  async #leaveAs(memberId: string): Promise<void> {
    if (memberId === '') return
    const { service, groupId, logger } = this.#options
    try {
      await service.leaveGroup(groupId, [{ memberId, groupInstanceId: null }])
    } catch (error) {
      // Nothing is lost by it: the session ends by itself.
      logger.warn({ group: groupId, err: error }, 'The group could not be left in order.')
    }
  }
}
