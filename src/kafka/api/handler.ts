/** What a handler of one API is, and how it becomes an endpoint that the connection can call without knowing types. */

import type { BrokerService, TopicPartition } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { Settings } from '../../core/settings.js'
import type { DiskSpace } from '../../files/disk.js'
import type { Replicated } from '../../replication/contract.js'
import type { ActiveProducer, TransactionMarker } from '../../storage/partition-log.js'
import type { HeldRoom } from '../answer-budget.js'
import type { Loans } from '../loans.js'
import { decodeRequest, encodeResponse, type RequestHeader } from '../messages.js'
import type { Api, RequestOf, ResponseInput } from '../schemas/index.js'

/** A broker with what it has to say about itself to be served. */
export interface ServedBroker extends BrokerService {
  readonly clusterId: string
  readonly nodeId: number
  readonly settings: Settings
  /** Newer clients name topics by their ids alone. */
  topicName(id: Uint8Array): string | undefined
  topicId(name: string): Buffer | undefined
  /** Where its logs lie, and what room there is; undefined where the platform does not tell. */
  logDirectory(): Promise<{ readonly path: string; readonly space: DiskSpace | undefined }>
  /** Who has written there with a producer id. @throws UNKNOWN_TOPIC_OR_PARTITION */
  activeProducers(place: TopicPartition): readonly ActiveProducer[]
  /** Ends a transaction in one partition alone. */
  writeTransactionMarker(place: TopicPartition, marker: TransactionMarker): Promise<void>
}

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** One request's surroundings. */
export interface Call {
  readonly broker: ServedBroker
  /** The copies of this broker on other nodes; undefined where it is alone. */
  readonly replication?: Replicated
  readonly logger: Logger
  readonly version: number
  /** Empty where the client gave none. */
  readonly clientId: string
  /** As Kafka shows it: "/127.0.0.1". */
  readonly clientHost: string
  /** Where the client of this connection reaches this broker. */
  readonly endpoint: HostAndPort
  /** Aborted when the connection is lost or the server closes: what waits answers at once. */
  readonly signal: AbortSignal
  /** What the answer borrows is added here, and given back when it has left or will never leave. */
  readonly loans: Loans
  /** Room for the records of the answer, to be asked for once; it is given back with what is lent. */
  readonly room: () => HeldRoom
  /** To be called when nobody holds a view of the request any more; where nobody can tell, it is not. */
  readonly recycleFrame: () => void
}

/** The answer that is none: Produce with acks=0. */
export const noAnswer = Symbol('no answer')

/** Thrown by a handler where Kafka closes the connection instead of answering. */
export class ClosesConnection extends Error {
  override readonly name = 'ClosesConnection'
}

/**
 * What an answer says of requests beside it on the connection; connection.ts has the rule.
 * append: Produce. wait: Fetch and ReplicaReport. join: JoinGroup and SyncGroup. group: other requests of groups. alone: the rest.
 */
export type Order = 'append' | 'wait' | 'join' | 'group' | 'alone'

export type Answer<A extends Api> = ResponseInput<A> | typeof noAnswer

export interface HandlerDeclaration<A extends Api> {
  readonly api: A
  /** What ApiVersions says of it, unless it is private; the versions that are implemented unless given. */
  readonly advertised?: readonly [first: number, last: number]
  readonly order: Order
  /** Runs at once up to its first wait, so that effects issued there are in arrival order. */
  handle(request: RequestOf<A>, call: Call): Promise<Answer<A>>
  /** The answer that says `error` in this API's shape. */
  refuse(request: RequestOf<A>, error: unknown, version: number): ResponseInput<A>
}

/** What came of a request: the chunks of its answer, or that there is none. */
export type Outcome = readonly Buffer[] | typeof noAnswer

export interface Endpoint {
  readonly api: Api
  readonly advertised: readonly [first: number, last: number]
  readonly order: Order
  /** Rejects with {@link ClosesConnection} only. @throws INVALID_REQUEST, at once, where the frame cannot be decoded */
  start(header: RequestHeader, frame: Buffer, call: Call): Promise<Outcome>
}

/** The endpoint of a handler: decodes, runs, encodes, and turns what is thrown into the API's own error answer. */
export function endpoint<A extends Api>(declaration: HandlerDeclaration<A>): Endpoint {
  const { api, order } = declaration
  return {
    api,
    advertised: declaration.advertised ?? api.versions,
    order,
    start(header, frame, call) {
      return finish(declaration, header, decodeRequest(api, header, frame), call)
    },
  }
}

async function finish<A extends Api>(
  declaration: HandlerDeclaration<A>,
  header: RequestHeader,
  request: RequestOf<A>,
  call: Call,
): Promise<Outcome> {
  const { api } = declaration
  const { apiVersion, correlationId } = header
  try {
    const body = await declaration.handle(request, call)
    return body === noAnswer ? noAnswer : encodeResponse(api, apiVersion, correlationId, body)
  } catch (error) {
    if (error instanceof ClosesConnection) throw error
    if (!(error instanceof HoldfastError) || error.code === 'UNKNOWN_SERVER_ERROR') {
      call.logger.error({ api: api.name, err: error, clientId: call.clientId }, 'A request failed unexpectedly.')
    }
    return encodeResponse(api, apiVersion, correlationId, declaration.refuse(request, error, apiVersion))
  }
}
