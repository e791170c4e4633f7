/**
 * A replica's way to its leader over the wire. Each question has a connection of its own while it waits for its answer, so
 * that one that waits for long holds up no other; connections are opened when they are needed and used again, and one that
 * breaks fails its question alone. Nothing is tried again here: whoever asks knows what is still worth asking.
 */

import type {
  CatalogTopic,
  EpochAnswer,
  EpochQuestion,
  LeaderLink,
  LeaderReport,
  OpenLink,
  ReplicaAcknowledgement,
  ReplicaFetch,
  ReplicaFetched,
  ReplicaReport,
} from '../replication/contract.js'
import { fetchedPartition } from './fetched-partitions.js'
import { groupedByTopic, throwIfRefused } from './remote-broker-errors.js'
import {
  type Api,
  fetch,
  offsetForLeaderEpoch,
  type RequestInput,
  type ResponseOf,
  replicaAcknowledge,
  replicaReport,
} from './schemas/index.js'
import { type SendOptions, takenBack, type WireClientOptions } from './wire-client.js'
import { WirePool } from './wire-pool.js'

/** What every link of a node has in common; `requestTimeoutMs` bounds connecting, and answers beyond what they may wait. */
export interface ReplicaLinkOptions extends Omit<WireClientOptions, 'host' | 'port' | 'signal'> {
  /** The id of the node that asks. */
  readonly replicaId: number
}

/** The one version of Fetch that has both names of topics and tagged fields. */
const fetchVersion = { minVersion: 12, maxVersion: 12 }
/** From this version on a replica says who it is. */
const firstEpochsVersion = 3
/** The leader lets a request wait for as much as it likes, and answers with the first byte there is. */
const minBytes = 1

/** Who asks over a link that cannot be used now gets CONNECTION_FAILED; who takes a question back, or asks a closed link, CLOSED. */
export function openReplicaLink({ replicaId, ...options }: ReplicaLinkOptions): OpenLink {
  return ({ host, port }) => new ReplicaLink(replicaId, new WirePool({ ...options, host, port }))
}

class ReplicaLink implements LeaderLink {
  readonly #replicaId: number
  readonly #wire: WirePool

  constructor(replicaId: number, wire: WirePool) {
    this.#replicaId = replicaId
    this.#wire = wire
  }

  async fetch(request: ReplicaFetch): Promise<ReplicaFetched> {
    const { replicaId, leaderEpoch, sessionId, sessionEpoch, isAhead, maxBytes, maxWaitMs, signal } = request
    const topics = groupedByTopic(request.positions).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition, offset }) => ({
        index: partition,
        fetchOffset: offset,
        currentLeaderEpoch: leaderEpoch,
        maxBytes,
      })),
    }))
    const forgottenTopics = groupedByTopic(request.forgotten).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition }) => partition),
    }))
    const answer = await this.#ask(
      fetch,
      {
        ...{ replicaId, leaderEpoch, sessionId, sessionEpoch, isAhead },
        ...{ maxBytes, minBytes, maxWaitMs, topics, forgottenTopics },
      },
      { ...fetchVersion, waitMs: maxWaitMs, signal },
    )
    throwIfRefused(answer.errorCode)
    const partitions = answer.topics.flatMap((topic) =>
      topic.partitions.map((each) => fetchedPartition(topic.name, each)),
    )
    return { sessionId: answer.sessionId, partitions }
  }

  async acknowledge({ positions, signal, ...acknowledgement }: ReplicaAcknowledgement): Promise<void> {
    const topics = groupedByTopic(positions).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition, offset }) => ({ index: partition, offset })),
    }))
    const answer = await this.#ask(replicaAcknowledge, { ...acknowledgement, topics }, { signal })
    throwIfRefused(answer.errorCode, answer.errorMessage)
  }

  async endOfEpochs(leaderEpoch: number, questions: readonly EpochQuestion[]): Promise<readonly EpochAnswer[]> {
    // An answer without partitions has no room for an error.
    if (questions.length === 0) return []
    const topics = groupedByTopic(questions).map(({ topic, items }) => ({
      name: topic,
      partitions: items.map(({ partition, epoch }) => ({
        index: partition,
        currentLeaderEpoch: leaderEpoch,
        leaderEpoch: epoch,
      })),
    }))
    const body = { replicaId: this.#replicaId, topics }
    const answer = await this.#ask(offsetForLeaderEpoch, body, { minVersion: firstEpochsVersion })
    return answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ index, errorCode, leaderEpoch: epoch, endOffset }) => {
        throwIfRefused(errorCode)
        return { topic: name, partition: index, epoch, endOffset }
      }),
    )
  }

  async report({ signal, ...report }: ReplicaReport): Promise<LeaderReport> {
    const answer = await this.#ask(replicaReport, report, { waitMs: report.maxWaitMs, signal })
    throwIfRefused(answer.errorCode, answer.errorMessage)
    const { leadership, members, catalogVersion, catalog, mayLead } = answer
    return { leadership, members, catalogVersion, catalog: catalog?.map(topicOf), mayLead }
  }

  close(): Promise<void> {
    return this.#wire.close()
  }

  async #ask<A extends Api>(api: A, body: RequestInput<A>, options: SendOptions): Promise<ResponseOf<A>> {
    const { signal } = options
    if (signal?.aborted) throw takenBack()
    const asking = this.#wire.sendAlone(api, body, options)
    return signal === undefined ? asking : unlessTakenBack(asking, signal)
  }
}

/** What `asking` gives, or that it was taken back as soon as it is: also while the connection is being made. */
function unlessTakenBack<T>(asking: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(takenBack())
    signal.addEventListener('abort', stop, { once: true })
    const done = (): void => signal.removeEventListener('abort', stop)
    asking.then(resolve, reject).finally(done)
  })
}

type CatalogEntry = NonNullable<ResponseOf<typeof replicaReport>['catalog']>[number]

function topicOf({ name, id, partitions, config, largestBatchBytes }: CatalogEntry): CatalogTopic {
  const entries = config.map((entry) => [entry.name, entry.value] as const)
  // Of its own, so that it does not keep the frame.
  return { name, id: Buffer.from(id), partitions, config: Object.fromEntries(entries), largestBatchBytes }
}
