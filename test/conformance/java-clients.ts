/** The Java clients of the judge, bound to one broker. */

import type { DescribedRecord } from './described.js'
import type { Judge } from './judge.js'

type Config = Readonly<Record<string, string | number>>

export interface SentRecord {
  readonly topic: string
  readonly partition?: number
  readonly timestamp?: number
  /** In base64. */
  readonly key: string | null
  readonly value: string | null
  readonly headers?: readonly (readonly [key: string, value: string | null])[]
}

export interface JavaProducer {
  /** Resolves with partition and offset of each, in order. */
  send(records: readonly SentRecord[]): Promise<readonly (readonly [partition: number, offset: number])[]>
  initTransactions(): Promise<void>
  begin(): Promise<void>
  sendOffsets(offsets: { group: string; topic: string; partition: number; offset: number }): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
  close(): Promise<void>
  /** Closes it where it stands, with no word to the broker. */
  abandon(): Promise<void>
}

export class JavaClients {
  readonly #judge: Judge
  readonly #address: string

  constructor(judge: Judge, address: string) {
    this.#judge = judge
    this.#address = address
  }

  /** One call of an AdminClient: see `java/kafka/Admins.java`. */
  readonly admin = <T = unknown>(call: string, args: object): Promise<T> =>
    this.#judge.ask<T>('admin', { address: this.#address, call, ...args })

  readonly producer = async (name: string, config: Config = {}): Promise<JavaProducer> => {
    const ask = <T = void>(call: string, args: object = {}) => this.#judge.ask<T>('producer', { name, call, ...args })
    await ask('open', { config: { 'bootstrap.servers': this.#address, ...config } })
    return {
      send: (records) => ask('send', { records }),
      initTransactions: () => ask('initTransactions'),
      begin: () => ask('begin'),
      sendOffsets: (offsets) => ask('sendOffsets', offsets),
      commit: () => ask('commit'),
      abort: () => ask('abort'),
      close: () => ask('close'),
      abandon: () => ask('abandon'),
    }
  }

  /** Every record of a topic, by partition, as far as the consumer's isolation level sees them. */
  readonly consume = (
    topic: string,
    config: Config = {},
  ): Promise<Readonly<Record<string, readonly DescribedRecord[]>>> =>
    this.#judge.ask('consume', { topic, config: { 'bootstrap.servers': this.#address, ...config } })

  /** `count` records as the only member of a group, which then commits and leaves. */
  readonly consumeInGroup = (topic: string, group: string, count: number, config: Config = {}) =>
    this.#judge.ask<readonly DescribedRecord[]>('consumeInGroup', {
      topic,
      count,
      config: { 'bootstrap.servers': this.#address, 'group.id': group, ...config },
    })
}
