/** The topics, as replicas take them over: which version of them each has, and who waits until all have one. */

import type { HoldfastError } from '../../core/errors.js'
import type { MessageStore } from '../../storage/message-store.js'
import type { CatalogTopic } from '../contract.js'

interface Waiter {
  readonly version: number
  resolve(): void
  reject(error: HoldfastError): void
}

export class TopicSharing {
  readonly #store: MessageStore
  readonly #leastOfAll: () => number
  readonly #waiters = new Set<Waiter>()
  #version = 1
  #refusal: HoldfastError | undefined

  /** `leastOfAll`: the least version that one of those has who are waited for. */
  constructor(store: MessageStore, leastOfAll: () => number) {
    this.#store = store
    this.#leastOfAll = leastOfAll
  }

  get version(): number {
    return this.#version
  }

  topics(): CatalogTopic[] {
    return this.#store.topics().map(({ name, id, partitions, config, layout, largestBatchBytes }) => ({
      name,
      id,
      partitions,
      // Elsewhere another layout may be the default.
      config: { ...config, 'storage.layout': layout ?? 'segments' },
      largestBatchBytes: largestBatchBytes ?? 0,
    }))
  }

  partitionCount(): number {
    return this.#store.topics().reduce((sum, { partitions }) => sum + partitions, 0)
  }

  /** Resolves when all have the topics as they are now. */
  shared(): Promise<void> {
    this.#version++
    return new Promise((resolve, reject) => {
      if (this.#refusal !== undefined) reject(this.#refusal)
      else this.#waiters.add({ version: this.#version, resolve, reject })
      this.look()
    })
  }

  /** Somebody has a newer version, or is not waited for any more. */
  look(): void {
    const least = this.#leastOfAll()
    for (const waiter of this.#waiters) {
      if (waiter.version > least) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  refuse(error: HoldfastError): void {
    this.#refusal = error
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
