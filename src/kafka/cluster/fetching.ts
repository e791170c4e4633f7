/**
 * One fetch over partitions of many leaders: each is asked for its share, and the first who has something to give ends
 * the waiting for the others.
 */

import type { FetchedPartition, FetchPosition, FetchRequest } from '../../broker/contract.js'
import type { HoldfastError } from '../../core/errors.js'
import { placeKey } from '../../core/place-key.js'
import { fetchedPartition } from '../fetched-partitions.js'
import { isolationLevel } from '../isolation.js'
import { groupedByTopic, throwIfRefused, unanswered } from '../remote-broker-errors.js'
import { fetch } from '../schemas/index.js'
import type { WirePool } from '../wire-pool.js'
import { isOutdated, noLeader, type Routed, renew, type Share, shareOut } from './asking-leaders.js'
import type { Cluster } from './cluster.js'
import { ParkedFetches } from './parked-fetches.js'
import { isConnectionFailure } from './staleness.js'

/** From the next version on it names topics by id alone, which costs a look-up and gives nothing here. */
const lastVersionWithNames = 12
/** So long those who have a leader are waited for, before it is seen whether the others have one by now. */
const leaderlessMs = 100

interface AskedShare {
  /** Where the answers go, and by what they are known. */
  readonly places: readonly (readonly [place: number, key: string])[]
  readonly answer: Promise<readonly FetchedPartition[]>
  /** Nobody else gets the answer. */
  readonly take: () => void
}

export class Fetching {
  readonly #cluster: Cluster
  readonly #parked: ParkedFetches

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#parked = new ParkedFetches(cluster.clock)
  }

  /** Each leader has a connection of its own while it waits. Ended early by its signal, the answer is empty. */
  async fetch(request: FetchRequest): Promise<FetchedPartition[]> {
    const { positions, signal } = request
    const isAborted = signal?.aborted ?? false
    const asked = isAborted ? { ...request, maxWaitMs: 0 } : request
    const patience = this.#cluster.patience()
    const all = (answers: readonly FetchedPartition[]) =>
      positions.map((each, place) => answers[place] ?? nothing(each))
    for (;;) {
      const everywhere = positions.map((_, place) => place)
      const { shares, leaderless } = await shareOut(this.#cluster, positions, everywhere)
      const answers: FetchedPartition[] = []
      for (const place of leaderless) answers[place] = refused(positions[place], noLeader(positions[place]))
      const parts = shares.map((share) => this.#ask(share, asked, shares.length))
      const limitMs = leaderless.length > 0 && asked.maxWaitMs > 0 ? leaderlessMs : undefined
      await this.#untilNews(parts, answers, { signal: isAborted ? undefined : signal, limitMs })
      if (signal?.aborted === true) return all(answers)
      const outdated = positions.filter((_, place) => isOutdated(this.#cluster, answers[place]))
      if (outdated.length === 0) return all(answers)
      const topics = [...new Set(outdated.map(({ topic }) => topic))]
      const isElsewhere = await renew(this.#cluster, topics, outdated)
      const hasNews = answers.some((each) => hasSomethingToTell(each) && !isOutdated(this.#cluster, each))
      if (hasNews || (patience.isOver && !isElsewhere)) return all(answers)
      await patience.pause()
    }
  }

  #ask(share: Share<FetchPosition>, request: FetchRequest, shares: number): AskedShare {
    const { wire, routed } = share
    const places = share.places.map((place, index) => [place, placeKey(routed[index].item)] as const)
    const maxBytes = Math.ceil(request.maxBytes / shares)
    const begin = (): Promise<readonly FetchedPartition[]> =>
      this.#askOne(wire, routed, { ...request, maxBytes }).catch((error: unknown) => {
        if (!isConnectionFailure(error)) throw error
        return routed.map(({ item }) => refused(item, error))
      })
    if (shares === 1 || request.maxWaitMs === 0) return { places, answer: begin(), take: () => {} }
    const { answer, take } = this.#parked.get(keyOf(wire, routed, request), begin)
    return { places, answer, take }
  }

  /** Fills in the answers that come until one has something to tell, all are there, or it is time to look again. */
  #untilNews(
    parts: readonly AskedShare[],
    answers: FetchedPartition[],
    { signal, limitMs }: { signal: AbortSignal | undefined; limitMs: number | undefined },
  ): Promise<void> {
    if (parts.length === 0 || signal?.aborted) return Promise.resolve()
    return new Promise((resolve, reject) => {
      let missing = parts.length
      const end = (): void => {
        signal?.removeEventListener('abort', end)
        timer?.cancel()
        resolve()
      }
      const timer = limitMs === undefined ? undefined : this.#cluster.clock.schedule(limitMs, end)
      signal?.addEventListener('abort', end, { once: true })
      for (const part of parts) {
        const arrived = (found: readonly FetchedPartition[]): void => {
          part.take()
          // Who asked first may have named them in another order.
          const byPlace = new Map(found.map((each) => [placeKey(each), each]))
          for (const [place, key] of part.places) answers[place] = byPlace.get(key) as FetchedPartition
          missing--
          if (missing === 0 || found.some(hasSomethingToTell)) end()
        }
        part.answer.then(arrived, (error: unknown) => {
          part.take()
          reject(error)
          end()
        })
      }
    })
  }

  async #askOne(
    wire: WirePool,
    routed: readonly Routed<FetchPosition>[],
    request: FetchRequest,
  ): Promise<readonly FetchedPartition[]> {
    const { maxBytes, minBytes, maxWaitMs, isolation = 'uncommitted' } = request
    const items = routed.map(({ item, leaderEpoch }) => ({ ...item, leaderEpoch }))
    const topics = groupedByTopic(items).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map((position) => ({
        index: position.partition,
        fetchOffset: position.offset,
        maxBytes: position.maxBytes,
        currentLeaderEpoch: position.currentLeaderEpoch < 0 ? position.leaderEpoch : position.currentLeaderEpoch,
      })),
    }))
    const answer = await wire.sendAlone(
      fetch,
      { maxWaitMs, minBytes, maxBytes, isolationLevel: isolationLevel[isolation], topics },
      { maxVersion: lastVersionWithNames, waitMs: maxWaitMs },
    )
    throwIfRefused(answer.errorCode)
    const fetched = new Map<string, FetchedPartition>()
    for (const { name, partitions } of answer.topics) {
      for (const each of partitions) {
        fetched.set(placeKey({ topic: name, partition: each.index }), {
          ...fetchedPartition(name, each),
          aborted: isolation === 'committed' ? (each.abortedTransactions ?? []) : undefined,
        })
      }
    }
    return items.map((item) => fetched.get(placeKey(item)) ?? unanswered(item))
  }
}

function hasSomethingToTell({ error, records }: FetchedPartition): boolean {
  return error !== undefined || records.length > 0
}

/** Two fetches of one key may share an answer. How many bytes they want is no part of it: it is a bound, and a soft one. */
function keyOf(
  wire: WirePool,
  routed: readonly Routed<FetchPosition>[],
  { isolation, minBytes, maxWaitMs }: FetchRequest,
): string {
  const places = routed.map(
    ({ item, leaderEpoch }) => `${placeKey(item)} ${item.offset} ${leaderEpoch} ${item.currentLeaderEpoch}`,
  )
  return [wire.address, isolation, minBytes, maxWaitMs, ...places.sort()].join('\n')
}

function refused(place: FetchPosition, error: HoldfastError): FetchedPartition {
  return { ...nothing(place), error }
}

function nothing({ topic, partition }: FetchPosition): FetchedPartition {
  return { topic, partition, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, records: [] }
}
