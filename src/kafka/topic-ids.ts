/** Topic ids to names: newer clients name topics by id alone, the broker knows them by name. */

import type { BrokerService } from '../broker/contract.js'

/** Ids as keys of maps. */
export function idKey(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}

export class TopicIds {
  readonly #broker: BrokerService
  /** Names that ids had when they were last looked up; a topic may have been deleted and made anew since. */
  readonly #lastNames = new Map<string, string>()

  constructor(broker: BrokerService) {
    this.#broker = broker
  }

  /** The names of those ids that topics have now, by {@link idKey}. */
  async namesOf(ids: readonly Uint8Array[]): Promise<ReadonlyMap<string, string>> {
    const keys = new Set(ids.map(idKey))
    const guesses = [...keys].map((key) => this.#lastNames.get(key))
    const areKnown = guesses.every((name) => name !== undefined)
    const found = await this.#lookUp(areKnown ? guesses : null, keys)
    return areKnown && found.size < keys.size ? this.#lookUp(null, keys) : found
  }

  /** The ids of the named topics that exist. */
  async idsOf(names: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    const topics = await this.#broker.describeTopics(names)
    return new Map(topics.map((topic) => [topic.name, topic.id]))
  }

  async #lookUp(names: readonly string[] | null, keys: ReadonlySet<string>): Promise<Map<string, string>> {
    const topics = await this.#broker.describeTopics(names)
    if (names === null) this.#lastNames.clear()
    const found = new Map<string, string>()
    for (const { id, name } of topics) {
      const key = idKey(id)
      this.#lastNames.set(key, name)
      if (keys.has(key)) found.set(key, name)
    }
    return found
  }
}
