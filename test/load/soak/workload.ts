/**
 * The mixed load of a soak: senders, transactions, groups with rebalances, and readers that are slow. All of them come and
 * go: each life ends after a while and begins anew with new connections. Whatever fails is kept, and fails the soak.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from '../../../src/client/queue.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import { fetch } from '../../../src/kafka/schemas/index.js'
import { fetchBody, RawClient } from '../../kafka/server/served.js'
import type { Ledger } from './ledger.js'

const mib = 1024 * 1024
const partitions = 3
const small = { 'segment.bytes': String(mib), 'retention.bytes': String(mib) }

/**
 * Small, so that a run sees many rolls, deletions and compactions, and all of them before its warm-up is over, also on a
 * slow machine: until the first is deleted the files of a topic become more.
 */
export const topics: Readonly<
  Record<string, { readonly partitions: number; readonly config: Record<string, string> }>
> = {
  orders: { partitions, config: small },
  events: { partitions, config: { 'storage.layout': 'commitlog' } },
  payments: { partitions: 1, config: small },
  state: { partitions: 1, config: { 'cleanup.policy': 'compact', 'segment.bytes': String(mib) } },
}

/** What retention leaves at least; of payments a fifth is aborted. */
export const leastKept = { orders: mib, payments: 0.8 * mib }

export const settings = {
  'log.retention.check.interval.ms': 5000,
  'log.cleaner.backoff.ms': 2000,
  'log.cleaner.min.cleanable.ratio': 0.3,
  'offsets.topic.segment.bytes': mib,
  'mapped.file.size.commitlog': 2 * mib,
  'mapped.file.size.consumequeue': 20_000,
  'max.hash.slot.num': 10_000,
  'max.index.num': 40_000,
  // Every sealed file of the commit log is old enough at any hour.
  'file.reserved.time': 0,
  'delete.when': Array.from({ length: 24 }, (_, hour) => hour).join(';'),
}

interface Work {
  readonly what: string
  live(queue: Queue, life: number): Promise<void>
}

export class Workload {
  readonly latenciesMs: number[] = []
  readonly failures: unknown[] = []
  /** The last acknowledged value of each key of `state`. */
  readonly latest = new Map<string, string>()
  readonly aborted = new Set<string>()
  delivered = 0
  committed = 0
  lives = 0
  readonly #address: string
  readonly #ledger: Ledger
  readonly #lifeMs: number
  readonly #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #sent = 0

  constructor(address: string, ledger: Ledger, lifeMs: number) {
    this.#address = address
    this.#ledger = ledger
    this.#lifeMs = lifeMs
  }

  start(): void {
    const works: Work[] = [
      ...['orders', 'orders', 'events', 'events'].map((topic) => ({
        what: `a sender to ${topic}`,
        live: (queue: Queue) => this.#send(queue, topic),
      })),
      { what: 'a keeper of state', live: (queue) => this.#keep(queue) },
      { what: 'a payer', live: (queue, life) => this.#transact(queue, `billing-${life % 3}`) },
      ...['orders', 'orders', 'events', 'payments'].map((topic) => ({
        what: `a reader of ${topic}`,
        live: (queue: Queue) => this.#consume(queue, topic),
      })),
    ]
    this.#running = Promise.all([
      ...works.map((work, at) => this.#live(work, at)),
      ...Array.from({ length: 4 }, () => this.#readSlowly()),
    ])
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted
  }

  /** Life after life, each with connections of its own, of different length so that they do not all end at once. */
  async #live({ what, live }: Work, at: number): Promise<void> {
    for (let life = at; !this.#isOver; life++) {
      try {
        const service = await RemoteBroker.connect(this.#address)
        const queue = new Queue(service)
        await live(queue, life)
        await queue.close()
        await service.close()
        this.lives++
      } catch (error) {
        this.failures.push(new Error(`The life of ${what} failed.`, { cause: error }))
        await pause(100)
      }
    }
  }

  /** Until this life is over. */
  #life(part: number): () => boolean {
    const end = performance.now() + this.#lifeMs * part
    return () => !this.#isOver && performance.now() < end
  }

  async #acknowledged<T>(send: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const receipt = await send()
    this.latenciesMs.push(performance.now() - began)
    return receipt
  }

  async #send(queue: Queue, topic: string): Promise<void> {
    const filler = 'x'.repeat(900)
    for (const goesOn = this.#life(0.7 + Math.random()); goesOn(); ) {
      const values = Array.from(
        { length: 1 + Math.floor(Math.random() * 8) },
        () => `${topic} ${this.#sent++} ${filler}`,
      )
      const receipts = await this.#acknowledged(() =>
        queue.sendMany(
          topic,
          values.map((value) => ({ value })),
        ),
      )
      for (const [at, { partition, offset }] of receipts.entries()) {
        this.#ledger.acknowledge(topic, partition, offset, values[at])
      }
      await pause(20)
    }
  }

  async #keep(queue: Queue): Promise<void> {
    for (const goesOn = this.#life(1); goesOn(); ) {
      const key = `key ${Math.floor(Math.random() * 200)}`
      const value = `${this.#sent++} ${'y'.repeat(4000)}`
      await this.#acknowledged(() => queue.send('state', { key, value }))
      this.latest.set(key, value)
      await pause(20)
    }
  }

  async #transact(queue: Queue, id: string): Promise<void> {
    for (const goesOn = this.#life(1); goesOn(); ) {
      const values = Array.from({ length: 5 }, () => `payment ${this.#sent++} ${'z'.repeat(900)}`)
      const abort = new Error('it is to be aborted')
      const isToHold = Math.random() < 0.8
      try {
        const receipts = await queue.transaction(id, async (tx) => {
          const sent = await tx.sendMany(
            'payments',
            values.map((value) => ({ value })),
          )
          if (!isToHold) throw abort
          return sent
        })
        for (const [at, { partition, offset }] of receipts.entries()) {
          this.#ledger.acknowledge('payments', partition, offset, values[at])
        }
        this.committed++
      } catch (error) {
        if (error !== abort) throw error
      }
      if (!isToHold) for (const value of values) this.aborted.add(value)
      await pause(50)
    }
  }

  /** As a member of a group, which it leaves at the end of its life: the others take its partitions over. */
  async #consume(queue: Queue, topic: string): Promise<void> {
    const goesOn = this.#life(0.3 + Math.random())
    const stream = queue.consume(topic, { group: `readers of ${topic}`, from: 'latest' })
    const wake = setInterval(() => {
      if (!goesOn()) void stream.close()
    }, 200)
    try {
      let read = 0
      for await (const message of stream) {
        this.delivered++
        if (this.aborted.has(message.text())) throw new Error(`${message.text().slice(0, 30)} was aborted, and came`)
        if (++read % 50 === 0) await message.ack().catch(ignoreLostPartition)
        if (!goesOn()) break
      }
    } finally {
      clearInterval(wake)
      await stream.close()
    }
  }

  /** Asks for all there is and takes a little at a time. */
  async #readSlowly(): Promise<void> {
    while (!this.#isOver) {
      const client = await RawClient.connect(Number(this.#address.slice(this.#address.lastIndexOf(':') + 1)))
      client.socket.pause()
      for (let at = 0; at < 5; at++) client.send(fetch, 11, fetchBody('orders', 0, { maxBytes: 2 ** 31 - 1 }))
      for (const goesOn = this.#life(0.5); goesOn(); ) {
        client.socket.resume()
        await pause(1)
        client.socket.pause()
        await pause(200)
      }
      client.close()
    }
  }
}

/** The partition went to another member before the acknowledgement came: what is not acknowledged is delivered again. */
function ignoreLostPartition(error: unknown): void {
  const { code } = error as { code?: string }
  if (!['ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS', 'UNKNOWN_MEMBER_ID', 'CLOSED'].includes(code ?? '')) throw error
}
