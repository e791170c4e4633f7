/**
 * A leader small enough to be seen through: logs in memory, sessions, epochs, and news that are waited for. It keeps what
 * it was asked, and overwrites what it lent as soon as it gets it back.
 */

import assert from 'node:assert/strict'
import type { FetchedPartition, TopicPartition } from '../../../src/broker/contract.js'
import type { ClusterDescription, Member } from '../../../src/broker/replication.js'
import { HoldfastError } from '../../../src/core/errors.js'
import type {
  CatalogTopic,
  EpochAnswer,
  EpochQuestion,
  LeaderReport,
  ReplicaAcknowledgement,
  ReplicaFetch,
  ReplicaFetched,
  ReplicaReport,
  ReplicaService,
  Replicated,
} from '../../../src/replication/contract.js'

const givenBack = 0xff

interface Session {
  epoch: number
  readonly positions: Map<string, TopicPartition & { offset: number }>
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export function member(nodeId: number, port: number, rack = ''): Member {
  return { nodeId, host: '127.0.0.1', port, rack }
}

export class SmallLeader implements Replicated, ReplicaService {
  readonly holdsBack = true
  readonly replicas = this
  readonly fetches: ReplicaFetch[] = []
  readonly acknowledgements: ReplicaAcknowledgement[] = []
  readonly reports: ReplicaReport[] = []
  readonly askedEpochs: { leaderEpoch: number; questions: readonly EpochQuestion[] }[] = []
  description: ClusterDescription
  leaderEpoch = 7
  catalogVersion = 1
  catalog: readonly CatalogTopic[] = []
  /** Where records are lent and given back; otherwise they are copies. */
  lends = true
  lent = 0
  returned = 0
  readonly #logs = new Map<string, Buffer[]>()
  readonly #sessions = new Map<number, Session>()
  readonly #listeners = new Set<() => void>()
  #lastSessionId = 0

  constructor(description: ClusterDescription) {
    this.description = description
  }

  get inSyncCount(): number {
    return this.description.inSync.length
  }

  assertLeads(): void {}

  assertReads(): void {}

  async topicsShared(): Promise<void> {}

  describe(): ClusterDescription {
    return this.description
  }

  /** One more record of a log: its offset is the number of those before. */
  append(place: TopicPartition, bytes: Buffer): void {
    const log = this.#logs.get(keyOf(place)) ?? []
    log.push(bytes)
    this.#logs.set(keyOf(place), log)
    this.tell()
  }

  /** Wakes all who wait. */
  tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  get waiting(): number {
    return this.#listeners.size
  }

  async fetch(request: ReplicaFetch): Promise<ReplicaFetched> {
    this.fetches.push({ ...request, signal: undefined })
    this.#checkEpoch(request.leaderEpoch)
    const session = this.#sessionOf(request)
    for (const place of request.forgotten) session.positions.delete(keyOf(place))
    for (const position of request.positions) session.positions.set(keyOf(position), position)
    const sessionId = request.sessionId === 0 ? this.#lastSessionId : request.sessionId
    let news = this.#newsOf(session)
    if (news.length === 0) {
      await this.#waitFor(request)
      news = this.#newsOf(session)
    }
    return { sessionId, partitions: news }
  }

  async acknowledge(acknowledgement: ReplicaAcknowledgement): Promise<void> {
    this.acknowledgements.push({ ...acknowledgement, signal: undefined })
    this.#checkEpoch(acknowledgement.leaderEpoch)
    if (!this.#sessions.has(acknowledgement.sessionId)) throw new HoldfastError('FETCH_SESSION_ID_NOT_FOUND')
  }

  async endOfEpochs(leaderEpoch: number, questions: readonly EpochQuestion[]): Promise<readonly EpochAnswer[]> {
    this.askedEpochs.push({ leaderEpoch, questions })
    this.#checkEpoch(leaderEpoch)
    return questions.map(({ topic, partition, epoch }) => ({
      topic,
      partition,
      epoch: Math.min(epoch, leaderEpoch),
      endOffset: this.#logs.get(keyOf({ topic, partition }))?.length ?? -1,
    }))
  }

  async report(report: ReplicaReport): Promise<LeaderReport> {
    this.reports.push({ ...report, signal: undefined })
    if (report.clusterId !== '' && report.clusterId !== this.description.clusterId) {
      throw new HoldfastError('INCONSISTENT_CLUSTER_ID', 'The replica is of another cluster.')
    }
    if (report.catalogVersion === this.catalogVersion) await this.#waitFor(report)
    const { clusterId, leaderId, inSync, members } = this.description
    return {
      leadership: { clusterId, epoch: this.leaderEpoch, leaderId, inSync },
      members,
      catalogVersion: this.catalogVersion,
      catalog: report.catalogVersion === this.catalogVersion ? undefined : this.catalog,
      mayLead: report.wantsToLead,
    }
  }

  #checkEpoch(epoch: number): void {
    if (epoch < this.leaderEpoch) throw new HoldfastError('FENCED_LEADER_EPOCH')
    if (epoch > this.leaderEpoch) throw new HoldfastError('UNKNOWN_LEADER_EPOCH')
  }

  #sessionOf({ sessionId, sessionEpoch }: ReplicaFetch): Session {
    if (sessionId === 0) {
      const session = { epoch: 0, positions: new Map() }
      this.#sessions.set(++this.#lastSessionId, session)
      return session
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) throw new HoldfastError('FETCH_SESSION_ID_NOT_FOUND')
    if (sessionEpoch !== session.epoch + 1) throw new HoldfastError('INVALID_FETCH_SESSION_EPOCH')
    session.epoch = sessionEpoch
    return session
  }

  #newsOf(session: Session): FetchedPartition[] {
    const news: FetchedPartition[] = []
    for (const { topic, partition, offset } of session.positions.values()) {
      const log = this.#logs.get(keyOf({ topic, partition })) ?? []
      if (log.length <= offset) continue
      const records = log.slice(offset).map((bytes) => Buffer.from(bytes))
      const offsets = { highWatermark: offset, lastStableOffset: offset, logStartOffset: 0 }
      news.push({ topic, partition, ...offsets, records, release: this.#lend(records) })
    }
    return news
  }

  #lend(records: readonly Buffer[]): (() => void) | undefined {
    if (!this.lends) return undefined
    this.lent++
    let isReturned = false
    return () => {
      assert.ok(!isReturned, 'what is lent is given back once')
      isReturned = true
      this.returned++
      for (const bytes of records) bytes.fill(givenBack)
    }
  }

  /** Until something is appended or told, the time is up, or the signal says so. */
  #waitFor({ maxWaitMs, signal }: { readonly maxWaitMs: number; readonly signal?: AbortSignal }): Promise<void> {
    if (maxWaitMs === 0 || signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#listeners.delete(end)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, maxWaitMs)
      this.#listeners.add(end)
      signal?.addEventListener('abort', end)
    })
  }
}
