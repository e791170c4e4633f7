/** RocketMQ's own message store, opened in a judge on one directory at a time: see `java/rocketmq/Stores.java`. */

import type { Judge } from './judge.js'

/** Names and values of a broker's configuration file. */
export type StoreConfig = Readonly<Record<string, string | number | boolean>>

/** A message as RocketMQ's decoder reads it. */
export interface StoredMessage {
  readonly topic: string
  readonly queueId: number
  readonly queueOffset: number
  readonly position: number
  readonly sizeInBytes: number
  readonly messageId: string
  readonly flag: number
  readonly sysFlag: number
  readonly bornTimestamp: number
  /** Address and port. */
  readonly bornHost: string
  readonly storeTimestamp: number
  readonly storeHost: string
  readonly reconsumeTimes: number
  readonly preparedPosition: number
  /** In base64, as it is stored. */
  readonly body: string
  readonly properties: Readonly<Record<string, string>>
}

export interface MessageToPut {
  readonly topic: string
  readonly queueId: number
  /** In base64. */
  readonly body: string
  /** The property area as it is stored, but for what the store itself adds. */
  readonly properties: string
  readonly bornTimestamp: number
  readonly flag?: number
  readonly sysFlag?: number
  /** Addresses: IPv4 or IPv6. */
  readonly bornHost?: string
  readonly storeHost?: string
}

export interface PutResult {
  readonly status: string
  readonly queueOffset?: number
  readonly position?: number
  readonly messageId?: string
}

export interface ReadStoreOptions {
  readonly tags?: string
  /** Bodies as they were sent, where the client has compressed them; else as they are stored. */
  readonly unpack?: boolean
}

export interface Queues {
  /** Minimum and maximum offset by topic and queue. */
  readonly topics: Readonly<Record<string, Readonly<Record<string, readonly [min: number, max: number]>>>>
  readonly minPosition: number
  readonly maxPosition: number
}

export class RocketMqStore {
  readonly #judge: Judge

  private constructor(judge: Judge) {
    this.#judge = judge
  }

  /** @throws Error where RocketMQ will not load the directory */
  static async open(judge: Judge, root: string, config: StoreConfig): Promise<RocketMqStore> {
    if (!(await judge.ask<boolean>('openStore', { root, config }))) throw new Error(`RocketMQ does not load ${root}`)
    return new RocketMqStore(judge)
  }

  queues(): Promise<Queues> {
    return this.#judge.ask('queues', {})
  }

  /** All of a queue, or what a consumer with an expression of tags is sent. */
  read(topic: string, queueId: number, options: ReadStoreOptions = {}): Promise<readonly StoredMessage[]> {
    return this.#judge.ask('read', { topic, queueId, ...options })
  }

  /** By one of the KEYS, or by the unique key. */
  find(topic: string, key: string, between: { from?: number; to?: number } = {}): Promise<readonly StoredMessage[]> {
    return this.#judge.ask('find', { topic, key, ...between })
  }

  /** The first offset that was stored at `timestamp` or later. */
  offsetAt(topic: string, queueId: number, timestamp: number): Promise<number> {
    return this.#judge.ask('offsetAt', { topic, queueId, timestamp })
  }

  lookAt(position: number): Promise<StoredMessage | null> {
    return this.#judge.ask('lookAt', { position })
  }

  put(messages: readonly MessageToPut[]): Promise<readonly PutResult[]> {
    return this.#judge.ask('put', { messages })
  }

  close(): Promise<void> {
    return this.#judge.ask('closeStore', {})
  }
}
