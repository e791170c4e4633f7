/** The topics of the source in the target: created as they are there, grown as they grow. */

import type { BrokerService, TopicDescription } from '../broker/contract.js'
import { HoldfastError, reasonOf } from '../core/errors.js'

export interface TopicsOptions {
  readonly source: BrokerService
  readonly target: BrokerService
  readonly includes?: (topic: string) => boolean
  readonly onNote: (note: string) => void
}

export interface MirroredTopic {
  readonly name: string
  readonly partitions: number
  readonly isCompacted: boolean
}

export class MirroredTopics {
  readonly #options: TopicsOptions
  readonly #known = new Map<string, MirroredTopic & { readonly id: Buffer }>()

  constructor(options: TopicsOptions) {
    this.#options = options
  }

  get all(): readonly MirroredTopic[] {
    return [...this.#known.values()]
  }

  /**
   * Looks at the source again, and gives the target what is new. A topic that is gone stays there.
   * @throws COPY_DIVERGED where a topic was deleted and made anew, or has more partitions in the target
   */
  async refresh(): Promise<void> {
    const { source, target, includes, onNote } = this.#options
    const found = (await source.describeTopics(null)).filter(
      ({ name, isInternal }) => !isInternal && (includes?.(name) ?? true),
    )
    const names = new Set(found.map(({ name }) => name))
    for (const name of this.#known.keys()) {
      if (names.has(name)) continue
      this.#known.delete(name)
      onNote(`The topic ${name} is gone from the source; it stays in the target.`)
    }
    const changed = found.filter((topic) => this.#isNews(topic))
    if (changed.length === 0) return
    const present = new Map((await target.describeTopics(null)).map((topic) => [topic.name, topic]))
    for (const topic of changed) await this.#bring(topic, present.get(topic.name))
  }

  #isNews({ name, id, partitions }: TopicDescription): boolean {
    const known = this.#known.get(name)
    if (known !== undefined && !known.id.equals(id)) {
      throw new HoldfastError('COPY_DIVERGED', `The topic ${name} was deleted from the source and made anew.`)
    }
    return known?.partitions !== partitions.length
  }

  async #bring({ name, id, partitions }: TopicDescription, present: TopicDescription | undefined): Promise<void> {
    const { target } = this.#options
    const config = await this.#configOf(name)
    const count = partitions.length
    if (present === undefined) await this.#create(name, count, config)
    else if (present.partitions.length < count) await target.createPartitions(name, count)
    else if (present.partitions.length > count) {
      const more = `Topic ${name} has ${present.partitions.length} partitions in the target and ${count} in the source`
      throw new HoldfastError('COPY_DIVERGED', `${more}: keys would go elsewhere.`)
    }
    const policy = config['cleanup.policy'] ?? (await this.#policyOf(name))
    this.#known.set(name, { name, id, partitions: count, isCompacted: policy.includes('compact') })
  }

  /** What the topic says for itself. */
  async #configOf(name: string): Promise<Record<string, string>> {
    const entries = await this.#options.source.describeConfig(name)
    return Object.fromEntries(entries.filter(({ origin }) => origin === 'topic').map((one) => [one.name, one.value]))
  }

  async #policyOf(name: string): Promise<string> {
    const entries = await this.#options.source.describeConfig(name)
    return entries.find((entry) => entry.name === 'cleanup.policy')?.value ?? ''
  }

  /** A setting that the target does not know, or takes in another range, is left out and told. */
  async #create(name: string, partitions: number, config: Record<string, string>): Promise<void> {
    const { target, onNote } = this.#options
    try {
      await target.createTopic({ name, partitions, config })
      return
    } catch (error) {
      if (!isConfigRefusal(error)) throw error
    }
    const taken: Record<string, string> = {}
    for (const [key, value] of Object.entries(config)) {
      try {
        await target.createTopic({ name, partitions, config: { [key]: value }, validateOnly: true })
        taken[key] = value
      } catch (error) {
        if (!isConfigRefusal(error)) throw error
        onNote(`Topic ${name}: the target does not take ${key}=${value} (${reasonOf(error)}).`)
      }
    }
    await target.createTopic({ name, partitions, config: taken })
  }
}

function isConfigRefusal(error: unknown): boolean {
  return error instanceof HoldfastError && (error.code === 'INVALID_CONFIG' || error.code === 'INVALID_REQUEST')
}
