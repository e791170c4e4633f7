/** A real broker in a folder of its own behind a real server on 127.0.0.1, and a client that can say anything to it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Broker } from '../../../src/broker/broker.js'
import type { Logger } from '../../../src/core/logger.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import { FrameReader } from '../../../src/kafka/frames.js'
import { decodeResponse, encodeRequest } from '../../../src/kafka/messages.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import type { Api, RequestInput, ResponseOf } from '../../../src/kafka/schemas/index.js'
import { KafkaServer, type ListenOptions } from '../../../src/kafka/server.js'
import { buildBatch } from '../../../src/records/builder.js'

export interface Served {
  readonly broker: Broker
  readonly server: KafkaServer
  readonly address: string
  /** What was logged as a warning or an error. */
  readonly complaints: string[]
  remote(): Promise<RemoteBroker>
  raw(): Promise<RawClient>
}

/** Everything ends with the test. */
export async function serve(
  t: TestContext,
  settings: SettingsInput = {},
  listen: Partial<ListenOptions> = {},
  /** Fills the folder before it is opened. */
  prepare: (path: string) => Promise<void> = async () => {},
): Promise<Served> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-server-'))
  await prepare(path)
  const complaints: string[] = []
  const complain = (fields: object, message: string): void => {
    const { reason, err } = fields as { reason?: string; err?: Error }
    complaints.push(`${message} ${reason ?? err?.stack ?? ''}`)
  }
  const logger: Logger = { debug: () => {}, info: () => {}, warn: complain, error: complain }
  const broker = await Broker.open(path, { settings, logger, metrics: listen.metrics })
  const server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0, logger, ...listen })
  const clients: { close(): unknown }[] = []
  t.after(async () => {
    for (const client of clients) await client.close()
    await server.close()
    await broker.close()
    await rm(path, { recursive: true })
  })
  const address = `127.0.0.1:${server.port}`
  const keep = <C extends { close(): unknown }>(client: C): C => {
    clients.push(client)
    return client
  }
  return {
    broker,
    server,
    address,
    complaints,
    remote: async () => keep(await RemoteBroker.connect(address)),
    raw: async () => keep(await RawClient.connect(server.port)),
  }
}

export class RawClient {
  readonly socket: Socket
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>
  readonly #frames = new FrameReader({ minBytes: 4, maxBytes: 2 ** 31 - 1 })
  readonly #readers: ((frame: Buffer) => void)[] = []
  readonly #unread: Buffer[] = []
  #lastCorrelationId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      this.#frames.push(chunk as Buffer)
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
        const reader = this.#readers.shift()
        if (reader === undefined) this.#unread.push(frame)
        else reader(frame)
      }
    })
  }

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawClient(socket)))
    })
  }

  write(...chunks: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(chunks))
  }

  /** Sends a request and does not wait; its correlation id. */
  send<A extends Api>(api: A, version: number, body: RequestInput<A>): number {
    const correlationId = this.#lastCorrelationId++
    this.write(...encodeRequest(api, version, { correlationId, clientId: 'raw' }, body))
    return correlationId
  }

  /** The next answer, without its length. */
  answer(): Promise<Buffer> {
    const frame = this.#unread.shift()
    if (frame !== undefined) return Promise.resolve(frame)
    return new Promise((resolve, reject) => {
      this.#readers.push(resolve)
      void this.closed.then(() => reject(new Error('the server closed the connection')))
    })
  }

  async ask<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    this.send(api, version, body)
    return decodeResponse(api, version, await this.answer()).body
  }

  close(): void {
    this.socket.destroy()
  }
}

/** A batch of one record per value. */
export function batchOf(...values: (string | Buffer)[]): Buffer {
  return buildBatch(values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1_700_000_000_000 })))
    .bytes
}

/** One batch for one partition, as Produce carries it. */
export function produceBody(
  topic: string,
  records: Buffer | null,
  options: { partition?: number; acks?: number } = {},
) {
  const { partition = 0, acks = -1 } = options
  return { acks, timeoutMs: 10_000, topics: [{ name: topic, partitions: [{ index: partition, records }] }] }
}

export function fetchBody(
  topic: string,
  offset: number,
  options: { partition?: number; maxWaitMs?: number; maxBytes?: number } = {},
) {
  const { partition = 0, maxWaitMs = 0, maxBytes = 1024 * 1024 } = options
  return {
    maxWaitMs,
    minBytes: 1,
    maxBytes,
    topics: [{ name: topic, partitions: [{ index: partition, fetchOffset: offset, maxBytes }] }],
  }
}
