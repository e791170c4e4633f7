/** How far each group has been behind, over the last hour: bounded in points and in groups. */

import type { GroupLag } from './figures.js'
import { Ring } from './ring.js'

export interface LagAt {
  readonly timeMs: number
  readonly lag: number
}

export interface LagHistoryOptions {
  /** Of each group. */
  readonly points: number
  /** The groups that are furthest behind are kept where there are more. */
  readonly groups: number
}

export class LagHistory {
  readonly #options: LagHistoryOptions
  readonly #byGroup = new Map<string, Ring<LagAt>>()

  constructor(options: LagHistoryOptions) {
    this.#options = options
  }

  /** All groups that there are now; those that are not among them are forgotten. */
  note(timeMs: number, lags: readonly GroupLag[]): void {
    const kept =
      lags.length <= this.#options.groups
        ? lags
        : [...lags].sort((a, b) => b.lag - a.lag).slice(0, this.#options.groups)
    const names = new Set(kept.map(({ group }) => group))
    for (const group of this.#byGroup.keys()) if (!names.has(group)) this.#byGroup.delete(group)
    for (const { group, lag } of kept) {
      let ring = this.#byGroup.get(group)
      if (ring === undefined) {
        ring = new Ring(this.#options.points)
        this.#byGroup.set(group, ring)
      }
      ring.push({ timeMs, lag })
    }
  }

  /** Oldest first; empty for a group that is not known. */
  of(group: string): readonly LagAt[] {
    return this.#byGroup.get(group)?.latest() ?? []
  }

  groups(): readonly string[] {
    return [...this.#byGroup.keys()]
  }
}
