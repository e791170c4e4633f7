/**
 * What RocketMQ's own clients do to its broker so that its directory holds what a directory may hold: tags, keys, bodies
 * that its client compresses in each of its ways, batches, delayed messages, transactions. And what they see of it after.
 */

import type { Judge } from './judge.js'
import type { StoredMessage } from './rocketmq-store.js'

export const sceneTopics = ['Orders', 'Payments'] as const
/** Of each topic. */
export const sceneQueues = 4
export const sceneTags = ['created', 'paid', 'äöü'] as const

interface ClientMessage {
  readonly topic: string
  readonly queueId: number
  readonly body: string
  readonly tags?: string
  readonly keys?: string
  readonly flag?: number
  readonly delayLevel?: number
  readonly properties?: Readonly<Record<string, string>>
}

/** By topic and queue id. */
export type SeenTopics = Readonly<Record<string, Readonly<Record<string, readonly StoredMessage[]>>>>

export type CommittedOffsets = Readonly<Record<string, number>>

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const compressions = ['ZLIB', 'LZ4', 'ZSTD'] as const

function clientMessage(round: string, i: number): ClientMessage {
  return {
    topic: sceneTopics[i % sceneTopics.length] as string,
    queueId: (i >> 1) % sceneQueues,
    // The client compresses what is longer than 4 KiB.
    body: base64(`body ${round} ${i} `.repeat(i % 7 === 0 ? 1000 : 1 + (i % 20))),
    ...(i % 3 === 0 ? {} : { tags: sceneTags[i % sceneTags.length] as string }),
    ...(i % 4 === 3 ? {} : { keys: i % 4 === 2 ? `${round}-a${i} ${round}-b${i}` : `${round}-${i}` }),
    flag: i,
    properties: i % 5 === 0 ? { note: `${round} €${i}`, 'x-trace': `t${i}` } : {},
  }
}

export class RocketMqClients {
  readonly #judge: Judge
  readonly #nameServer: string

  constructor(judge: Judge, nameServer: string) {
    this.#judge = judge
    this.#nameServer = nameServer
  }

  async createTopics(): Promise<void> {
    for (const topic of sceneTopics) await this.#ask('createTopic', { topic, queues: sceneQueues })
  }

  /** How many that a consumer is to find, the delayed one after a second. */
  async write(round: string): Promise<number> {
    let next = 0
    for (const compression of compressions) {
      const alone = Array.from({ length: 40 }, (_, i) => clientMessage(round, next + i))
      next += alone.length
      await this.#ask('produce', { compression, messages: alone })
    }
    const batch = Array.from({ length: 10 }, (_, i) => ({
      ...clientMessage(round, next + i),
      topic: 'Orders',
      queueId: 1,
    }))
    const body = base64(`delayed ${round}`)
    const delayed = { topic: 'Payments', queueId: 2, body, keys: `${round}-delayed`, delayLevel: 1 }
    await this.#ask('produce', { messages: [batch, delayed] })
    const inTransaction = (i: number, isCommitted: boolean) => ({
      topic: 'Orders',
      body: base64(`in transaction ${round} ${i}`),
      keys: `${round}-transaction-${i}`,
      isCommitted,
    })
    await this.#ask('produceInTransactions', { messages: [inTransaction(0, true), inTransaction(1, false)] })
    return next + batch.length + 2
  }

  /** Everything that a consumer is sent, as soon as there is so much. */
  look(messages: number): Promise<SeenTopics> {
    return this.#ask('consume', { topics: sceneTopics, count: messages })
  }

  /** Of a group in a topic, by queue id, after it has committed `offsets` too; -1 where it has committed nothing. */
  committed(group: string, topic: string, offsets: CommittedOffsets = {}): Promise<CommittedOffsets> {
    return this.#ask('commit', { group, topic, offsets })
  }

  #ask<T>(command: string, args: object): Promise<T> {
    return this.#judge.ask(command, { nameServer: this.#nameServer, ...args })
  }
}
