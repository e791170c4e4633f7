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
  /** By name: the topic that has it, and in which version it first had. */
  readonly #born = new Map<string, { readonly id: Buffer; readonly version: number }>()
  #version = 1
  #refusal: HoldfastError | undefined

  /** `leastOfAll`: the least version that one of those has who are waited for. */
  constructor(store: MessageStore, leastOfAll: () => number) {
    this.#store = store
    this.#leastOfAll = leastOfAll
    this.#noteBirths()
  }

  get version(): number {
    return this.#version
  }

  /** Those of the present version: one that is just being made is not among them. */
  topics(): CatalogTopic[] {
    const known = this.#store.topics().filter(({ name }) => this.isKnownIn(this.#version, name))
    return known.map(({ name, id, partitions, config, layout, largestBatchBytes }) => ({
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

  /** Whoever has the topics in that version means this topic by its name, and not one that had it before. */
  isKnownIn(version: number, name: string): boolean {
    const born = this.#born.get(name)
    return born !== undefined && born.version <= version && this.#store.topic(name)?.id.equals(born.id) === true
  }

  /** Resolves when all have the topics as they are now. */
  shared(): Promise<void> {
    this.#version++
    this.#noteBirths()
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

  #noteBirths(): void {
    const topics = new Map(this.#store.topics().map(({ name, id }) => [name, id]))
    for (const name of this.#born.keys()) if (!topics.has(name)) this.#born.delete(name)
    for (const [name, id] of topics) {
      if (this.#born.get(name)?.id.equals(id) !== true) this.#born.set(name, { id, version: this.#version })
    }
  }

  refuse(error: HoldfastError): void {
    this.#refusal = error
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
