/** A queue on a real broker in a folder of its own, which goes away with the test. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Broker, type BrokerOptions } from '../../src/broker/broker.js'
import type { BrokerService } from '../../src/broker/contract.js'
import type { Message } from '../../src/client/message.js'
import { Queue, type QueueOptions } from '../../src/client/queue.js'
import { batchesIn } from '../../src/records/batch.js'

export interface World {
  readonly directory: string
  readonly broker: Broker
  readonly mq: Queue
}

export interface WorldOptions {
  readonly broker?: BrokerOptions
  readonly queue?: QueueOptions
  /** Stands between the queue and the broker, to watch or to disturb. */
  readonly between?: (broker: Broker) => BrokerService
  /** Opens this folder again. */
  readonly directory?: string
}

/** By test: what it opened, in order. */
const opened = new WeakMap<TestContext, World[]>()

export async function world(t: TestContext, options: WorldOptions = {}): Promise<World> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'holdfast-client-')))
  const broker = await Broker.open(directory, options.broker)
  const made = { directory, broker, mq: new Queue(options.between?.(broker) ?? broker, options.queue) }
  const worlds = opened.get(t)
  if (worlds !== undefined) worlds.push(made)
  else {
    opened.set(t, [made])
    t.after(() => dispose(opened.get(t) ?? []))
  }
  return made
}

async function dispose(worlds: readonly World[]): Promise<void> {
  for (const { mq } of worlds) await mq.close()
  for (const { directory } of worlds) await rm(directory, { recursive: true, force: true })
}

/** The broker with some of its calls replaced. */
export function instead(broker: Broker, calls: Partial<BrokerService>): BrokerService {
  return new Proxy<BrokerService>(broker, {
    get(target, name) {
      const call = (calls as Record<string | symbol, unknown>)[name] ?? Reflect.get(target, name)
      return typeof call === 'function' ? call.bind(target) : call
    },
  })
}

/** How many records each batch of a partition holds. */
export async function batchSizes(broker: Broker, topic: string, partition = 0): Promise<number[]> {
  const sizes: number[] = []
  for (let offset = 0; ; ) {
    const position = { topic, partition, offset, maxBytes: 2 ** 20, currentLeaderEpoch: -1 }
    const [answer] = await broker.fetch({ positions: [position], maxBytes: 2 ** 20, minBytes: 0, maxWaitMs: 0 })
    if (answer.error !== undefined) throw answer.error
    if (answer.records.length === 0) return sizes
    for (const bytes of answer.records) {
      for (const batch of batchesIn(bytes)) {
        sizes.push(batch.recordsCount)
        offset = batch.nextOffset
      }
    }
  }
}

/** The next `count` messages; the stream stays open. */
export async function take(stream: AsyncIterator<Message>, count: number): Promise<Message[]> {
  const messages: Message[] = []
  while (messages.length < count) {
    const next = await stream.next()
    if (next.done) break
    messages.push(next.value)
  }
  return messages
}

/** All messages of a stream that ends. */
export async function all(stream: AsyncIterable<Message>): Promise<Message[]> {
  const messages: Message[] = []
  for await (const message of stream) messages.push(message)
  return messages
}

export const texts = (messages: readonly Message[]): string[] => messages.map((message) => message.text())
