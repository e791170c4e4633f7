/** How fast the topics grow of which nothing is ever deleted. */

import type { KeptForever } from './figures.js'
import { type Growth, growthOf, type SizeAt } from './growth.js'
import { Ring } from './ring.js'

export interface GrowingTopic extends KeptForever {
  readonly growth: Growth | undefined
}

export class TopicGrowth {
  readonly #points: number
  readonly #sizes = new Map<string, Ring<SizeAt>>()
  #latest: readonly KeptForever[] = []

  /** @param points that are kept of each topic */
  constructor(points: number) {
    this.#points = points
  }

  note(timeMs: number, topics: readonly KeptForever[]): void {
    this.#latest = topics
    const names = new Set(this.#latest.map(({ topic }) => topic))
    for (const topic of this.#sizes.keys()) if (!names.has(topic)) this.#sizes.delete(topic)
    for (const { topic, sizeInBytes } of this.#latest) {
      let ring = this.#sizes.get(topic)
      if (ring === undefined) {
        ring = new Ring(this.#points)
        this.#sizes.set(topic, ring)
      }
      ring.push({ timeMs, bytes: sizeInBytes })
    }
  }

  keptForever(): readonly GrowingTopic[] {
    return this.#latest.map((topic) => ({ ...topic, growth: growthOf(this.#sizes.get(topic.topic)?.latest() ?? []) }))
  }
}
