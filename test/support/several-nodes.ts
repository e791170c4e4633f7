/**
 * A cluster of several nodes out of one real broker: proxies that each say of themselves that they are one node of it. A
 * node tells who leads what, refuses what another one leads or coordinates as a node of a real cluster would, and passes
 * the rest on. Nodes can be lost, come back, and swallow the answer to what was stored.
 */

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { FrameReader } from '../../src/kafka/frames.js'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeResponse } from '../../src/kafka/messages.js'
import * as kafka from '../../src/kafka/schemas/index.js'

const notLeader = 6
const notCoordinator = 16
const largestFrame = 2 ** 31 - 5

/** Requests whose answer is the coordinator's alone, and where they name the group or the transactional id. */
const coordinated: ReadonlyMap<number, string> = new Map([
  [kafka.joinGroup.key, 'groupId'],
  [kafka.syncGroup.key, 'groupId'],
  [kafka.heartbeat.key, 'groupId'],
  [kafka.addPartitionsToTxn.key, 'transactionalId'],
  [kafka.addOffsetsToTxn.key, 'transactionalId'],
  [kafka.endTxn.key, 'transactionalId'],
])

export interface Node {
  readonly id: number
  readonly port: number
  isUp: boolean
  /** Requests that it passed on, by name. */
  readonly passed: Map<string, number>
  /** The next answers to Produce that it swallows, with the connection. */
  produceAnswersToLose: number
}

interface Listening {
  readonly node: Node
  server: Server
  readonly sockets: Set<Socket>
}

export class SeveralNodes {
  readonly #backendPort: number
  readonly #listening: Listening[] = []
  /** By topic and partition, or by the name of a group: who is responsible. */
  readonly #moved = new Map<string, number>()
  /** Of topics that were told of. */
  readonly #partitions = new Map<string, number>()

  private constructor(backendPort: number) {
    this.#backendPort = backendPort
  }

  static async start(backendPort: number, count: number): Promise<SeveralNodes> {
    const cluster = new SeveralNodes(backendPort)
    for (let id = 1; id <= count; id++) {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as { port: number }
      const node: Node = { id, port, isUp: true, passed: new Map(), produceAnswersToLose: 0 }
      cluster.#serve({ node, server, sockets: new Set() })
    }
    return cluster
  }

  get nodes(): readonly Node[] {
    return this.#listening.map(({ node }) => node)
  }

  get addresses(): string {
    return this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')
  }

  /** Which node leads a partition, or coordinates a group (`what` alone). */
  responsible(what: string, partition = 0): Node {
    const known = this.#moved.get(`${what}/${partition}`)
    const home = [...what].reduce((sum, letter) => sum + letter.charCodeAt(0), partition) % this.nodes.length
    return this.nodes.find(({ id }) => id === known) ?? this.nodes[home]
  }

  /** Another node takes over. */
  move(what: string, partition = 0): Node {
    const now = this.responsible(what, partition)
    const next = this.nodes.filter((node) => node.isUp && node !== now)[0] ?? now
    this.#moved.set(`${what}/${partition}`, next.id)
    return next
  }

  /** Its connections break, and nobody listens there any more. */
  async lose(node: Node): Promise<void> {
    const listening = this.#listening[node.id - 1]
    node.isUp = false
    for (const socket of listening.sockets) socket.destroy()
    await new Promise<void>((resolve) => listening.server.close(() => resolve()))
  }

  async comeBack(node: Node): Promise<void> {
    const listening = this.#listening[node.id - 1]
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(node.port, '127.0.0.1', resolve))
    listening.server = server
    node.isUp = true
    server.on('connection', (socket) => this.#accept(listening, socket))
  }

  async close(): Promise<void> {
    for (const { node } of this.#listening) if (node.isUp) await this.lose(node)
  }

  #serve(listening: Listening): void {
    this.#listening.push(listening)
    listening.server.on('connection', (socket) => this.#accept(listening, socket))
  }

  #accept({ node, sockets }: Listening, socket: Socket): void {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    const frames = new FrameReader({ minBytes: 8, maxBytes: largestFrame })
    const answers = new FrameReader({ minBytes: 4, maxBytes: largestFrame })
    /** What is done with each answer, in the order of the requests. */
    const waiting: ((answer: Buffer) => void)[] = []
    const backend = connect({ host: '127.0.0.1', port: this.#backendPort, noDelay: true })
    const connecting = once(backend, 'connect').then(() => {
      sockets.add(backend)
      backend.once('close', () => socket.destroy())
      socket.once('close', () => backend.destroy())
      backend.on('data', (chunk: Buffer) => {
        answers.push(chunk)
        for (let frame = answers.next(); frame !== undefined; frame = answers.next()) waiting.shift()?.(frame)
      })
      return backend
    })
    backend.on('error', () => socket.destroy())
    connecting.catch(() => {})
    let turn: Promise<unknown> = connecting
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        const request = Buffer.from(frame)
        turn = turn.then(() => this.#handle(node, request, { socket, backend, waiting }))
      }
    })
  }

  /** One request at a time of a connection, so that answers of this node's own keep their places. */
  async #handle(
    node: Node,
    frame: Buffer,
    { socket, backend, waiting }: { socket: Socket; backend: Socket; waiting: ((answer: Buffer) => void)[] },
  ): Promise<void> {
    const own = this.#refuse(node, frame)
    if (own !== undefined) {
      socket.write(Buffer.concat(own))
      return
    }
    const header = decodeRequestHeader(frame)
    const name = header.api?.name ?? ''
    node.passed.set(name, (node.passed.get(name) ?? 0) + 1)
    const answer = await new Promise<Buffer>((resolve) => {
      waiting.push((bytes) => resolve(Buffer.from(bytes)))
      backend.write(withLength(frame))
    })
    if (header.apiKey === kafka.produce.key && node.produceAnswersToLose > 0) {
      node.produceAnswersToLose--
      socket.destroy()
      return
    }
    socket.write(this.#rewrite(frame, answer))
  }

  /** What a node says of what another one is responsible for; undefined where it is its own. */
  #refuse(node: Node, frame: Buffer): Buffer[] | undefined {
    const header = decodeRequestHeader(frame)
    const { apiKey, apiVersion: version, correlationId } = header
    if (apiKey === kafka.produce.key || apiKey === kafka.fetch.key || apiKey === kafka.listOffsets.key) {
      const api =
        apiKey === kafka.produce.key ? kafka.produce : apiKey === kafka.fetch.key ? kafka.fetch : kafka.listOffsets
      const { topics } = decodeRequest(api, header, frame) as unknown as {
        topics: { name: string; partitions: { index: number }[] }[]
      }
      const isOwn = topics.every(({ name, partitions }) =>
        partitions.every(
          // What is not there nobody leads.
          ({ index }) => index >= (this.#partitions.get(name) ?? 0) || this.responsible(name, index) === node,
        ),
      )
      if (isOwn) return undefined
      const refused = topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ index }) => ({
          index,
          errorCode: notLeader,
          baseOffset: -1,
          highWatermark: -1,
          records: null,
        })),
      }))
      return encodeResponse(api as typeof kafka.fetch, version, correlationId, { topics: refused } as never)
    }
    const field = coordinated.get(apiKey)
    if (field === undefined || header.api === undefined) return undefined
    const body = decodeRequest(header.api, header, frame) as unknown as Record<string, unknown>
    if (this.responsible(String(body[field])) === node) return undefined
    return encodeResponse(header.api, version, correlationId, refusalOf(apiKey, body) as never)
  }

  #rewrite(frame: Buffer, answer: Buffer): Buffer {
    const header = decodeRequestHeader(frame)
    const { apiKey, apiVersion: version, correlationId } = header
    if (apiKey === kafka.metadata.key) {
      const { body } = decodeResponse(kafka.metadata, version, answer)
      for (const { name, partitions } of body.topics) this.#partitions.set(name ?? '', partitions.length)
      const up = this.nodes.filter(({ isUp }) => isUp)
      return Buffer.concat(
        encodeResponse(kafka.metadata, version, correlationId, {
          ...body,
          brokers: up.map(({ id, port }) => ({ nodeId: id, host: '127.0.0.1', port, rack: null })),
          controllerId: up[0].id,
          topics: body.topics.map((topic) => ({
            ...topic,
            partitions: topic.partitions.map((partition) => ({
              ...partition,
              leaderId: this.responsible(topic.name ?? '', partition.index).id,
            })),
          })),
        }),
      )
    }
    if (apiKey !== kafka.findCoordinator.key) return withLength(answer)
    const { body } = decodeResponse(kafka.findCoordinator, version, answer)
    const coordinators = body.coordinators.map((each) => {
      const { id, port } = this.responsible(each.key)
      return { ...each, nodeId: id, host: '127.0.0.1', port }
    })
    return Buffer.concat(encodeResponse(kafka.findCoordinator, version, correlationId, { ...body, coordinators }))
  }
}

function refusalOf(apiKey: number, body: Record<string, unknown>): Record<string, unknown> {
  // Fields that one of them has and another has not are ignored there.
  const nothing = {
    protocolType: null,
    protocolName: '',
    leader: '',
    memberId: '',
    members: [],
    assignment: Buffer.alloc(0),
  }
  if (apiKey !== kafka.addPartitionsToTxn.key) return { errorCode: notCoordinator, ...nothing }
  const topics = body['topics'] as { name: string; partitions: number[] }[]
  const refused = ({ name, partitions }: (typeof topics)[number]) => ({
    name,
    partitions: partitions.map((index) => ({ index, errorCode: notCoordinator })),
  })
  return { topics: topics.map(refused) }
}

function withLength(frame: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.length)
  return Buffer.concat([length, frame])
}
