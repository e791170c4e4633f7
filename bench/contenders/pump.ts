/**
 * A client that does as little as one can: sends frames that were built beforehand, so many at a time over one
 * connection, and counts the answers. The same client feeds brokers and raw servers. The first answer is read in full; a
 * later answer to Produce must have its length, which one that tells of an error would not have.
 */

import { randomFillSync } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { decodeResponse, encodeRequest } from '../../src/kafka/messages.js'
import { type Api, fetch, produce } from '../../src/kafka/schemas/index.js'
import { FrameSplitter } from '../frame-splitter.js'
import type { Contender, Options } from '../harness/contender.js'
import { Latencies } from '../harness/latencies.js'
import { sampleBatch, sampleTopic } from '../sample-log.js'

interface PumpOptions {
  readonly port: number
  /** Requests under way. */
  readonly window: number
  readonly what: 'raw' | 'produce' | 'fetch'
  /** `raw`: payload of a request. `produce`: bytes of records in one, about. `fetch`: bytes of batches in an answer. */
  readonly frameBytes: number
  /** The rate is of the bytes sent, or of those received. */
  readonly counted: 'sent' | 'received'
  readonly batchBytes?: number
  readonly recordsPerBatch?: number
  /** Batches in the log that is fetched from. */
  readonly batches?: number
}

const produceVersion = 9
const fetchVersion = 12
const recordBytes = 1024
const differentFrames = 16
const answerWithinMs = 20_000

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as PumpOptions
  const frames = framesOf(options)
  const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const pump = new Pump(socket, frames, options)
  return {
    block: (ms) => pump.run(ms),
    close: async () => void socket.destroy(),
  }
}

function framesOf(options: PumpOptions): Buffer[] {
  if (options.what === 'produce') return produceFrames(options)
  if (options.what === 'fetch') return fetchFrames(options)
  return Array.from({ length: differentFrames }, () => {
    const frame = randomFillSync(Buffer.alloc(4 + options.frameBytes))
    frame.writeInt32BE(options.frameBytes, 0)
    return frame
  })
}

const sender = { correlationId: 1, clientId: 'bench' }

function produceFrames({ frameBytes }: PumpOptions): Buffer[] {
  const shape = { recordBytes, recordsPerBatch: Math.max(1, Math.floor(frameBytes / recordBytes)) }
  return Array.from({ length: differentFrames }, () => {
    const partitions = [{ index: 0, records: sampleBatch(shape) }]
    const body = { transactionalId: null, acks: -1, timeoutMs: 30_000, topics: [{ name: sampleTopic, partitions }] }
    return Buffer.concat(encodeRequest(produce, produceVersion, sender, body))
  })
}

/** One after the other through the log, each for as many whole batches as fit. */
function fetchFrames({ frameBytes, batchBytes = 0, recordsPerBatch = 0, batches = 0 }: PumpOptions): Buffer[] {
  const perAnswer = Math.floor(frameBytes / batchBytes)
  return Array.from({ length: Math.floor(batches / perAnswer) }, (_, i) => {
    const maxBytes = perAnswer * batchBytes
    const partitions = [{ index: 0, fetchOffset: i * perAnswer * recordsPerBatch, maxBytes }]
    const body = {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes,
      topics: [{ name: sampleTopic, partitions }],
      forgottenTopics: [],
    }
    return Buffer.concat(encodeRequest(fetch, fetchVersion, sender, body))
  })
}

class Pump {
  readonly #socket: Socket
  readonly #frames: readonly Buffer[]
  readonly #options: PumpOptions
  #next = 0
  #firstAnswer: Buffer[] | undefined = []
  #answerBytes = 0
  #sentAt: number[] = []
  #bytes = 0
  #latencies = new Latencies()
  #endAt = 0
  #finish: { resolve: () => void; reject: (error: Error) => void } | undefined

  constructor(socket: Socket, frames: readonly Buffer[], options: PumpOptions) {
    this.#socket = socket
    this.#frames = frames
    this.#options = options
    const splitter = new FrameSplitter({
      piece: (bytes) => this.#firstAnswer?.push(bytes),
      end: (bytes) => this.#answered(bytes),
    })
    socket.on('data', (chunk) => {
      try {
        splitter.push(chunk as Buffer)
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
    socket.on('error', (error) => this.#finish?.reject(error))
    socket.on('close', () => this.#finish?.reject(new Error('the server closed the connection')))
  }

  async run(ms: number): Promise<{ value: number; detail: Record<string, number> }> {
    this.#bytes = 0
    this.#latencies = new Latencies()
    const start = performance.now()
    this.#endAt = start + ms
    const cpuBefore = process.cpuUsage()
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve, reject) => {
      this.#finish = { resolve, reject }
      timer = setTimeout(() => reject(new Error('an answer did not come')), ms + answerWithinMs)
      for (let i = 0; i < this.#options.window; i++) this.#send()
    }).finally(() => clearTimeout(timer))
    this.#finish = undefined
    const elapsedMs = performance.now() - start
    const cpu = process.cpuUsage(cpuBefore)
    const latencies = this.#latencies
    return {
      value: this.#bytes / 1000 / elapsedMs,
      detail: {
        requestsPerSecond: (latencies.count / elapsedMs) * 1000,
        p50Ms: latencies.percentile(50),
        p99Ms: latencies.percentile(99),
        p999Ms: latencies.percentile(99.9),
        clientCpuCores: (cpu.user + cpu.system) / 1000 / elapsedMs,
      },
    }
  }

  #send(): void {
    const frame = this.#frames[this.#next++ % this.#frames.length]
    this.#sentAt.push(performance.now())
    this.#socket.write(frame)
    if (this.#options.counted === 'sent') this.#bytes += frame.length
  }

  #answered(payloadBytes: number): void {
    if (this.#firstAnswer !== undefined) {
      this.#check(Buffer.concat(this.#firstAnswer))
      this.#firstAnswer = undefined
      this.#answerBytes = payloadBytes
    }
    // A fetch that ends with its segment may be shorter; it is counted as what it is.
    if (payloadBytes !== this.#answerBytes && this.#options.what !== 'fetch') {
      throw new Error(`an answer has ${payloadBytes} bytes; the first had ${this.#answerBytes}`)
    }
    if (this.#options.counted === 'received') this.#bytes += payloadBytes
    const now = performance.now()
    this.#latencies.record(now - (this.#sentAt.shift() ?? now))
    if (now < this.#endAt) this.#send()
    else if (this.#sentAt.length === 0) this.#finish?.resolve()
  }

  #check(answer: Buffer): void {
    if (this.#options.what === 'raw') return
    const isFetch = this.#options.what === 'fetch'
    const api: Api = isFetch ? fetch : produce
    const { body } = decodeResponse(api, isFetch ? fetchVersion : produceVersion, answer)
    const [topic] = (body as { topics: { partitions: { errorCode: number; records?: unknown }[] }[] }).topics
    const { errorCode } = topic.partitions[0]
    if (errorCode !== 0) throw new Error(`the broker answers with error ${errorCode}`)
    if (isFetch && answer.length < this.#options.frameBytes / 2) throw new Error('the broker answers with little')
  }
}
