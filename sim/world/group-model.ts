/** What groups committed: for each partition of each group the last offset that is certain, and those that may have come after it. */

import type { Strength } from './attempts.js'
import { holds } from './violation.js'

interface Possible {
  /** undefined: nothing is committed. */
  readonly offset: number | undefined
  strength: Strength
  answered: boolean
}

interface Commits {
  /** In the order in which they were sent; the first is certain. */
  readonly possible: Possible[]
}

export interface Commit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export class GroupModel {
  readonly #commits = new Map<string, Commits>()

  /** A commit is sent; nothing is known of it before {@link committed}. */
  sent(commit: Commit): void {
    this.#of(commit).possible.push({ offset: commit.offset, strength: 'cache', answered: false })
  }

  /** It was acknowledged: what was sent before it does not count any more, but for the loss of power. */
  committed(commit: Commit, strength: Strength): void {
    const { possible } = this.#of(commit)
    const index = possible.findLastIndex(({ offset, answered }) => offset === commit.offset && !answered)
    possible[index].answered = true
    possible[index].strength = strength
    const firm = strength === 'disk' ? index : possible.findLastIndex((one, i) => i < index && one.strength === 'disk')
    const kept = possible.filter((one, i) => i < firm && mayBeForgotten(one))
    possible.splice(0, Math.max(0, firm), ...kept)
  }

  /** What had reached the disk by then nobody knows: each from the last that surely had may be the last one now. */
  lostPower(): void {
    for (const { possible } of this.#commits.values())
      for (const one of possible) if (one.strength === 'cache') one.answered = false
  }

  harden(): void {
    for (const { possible } of this.#commits.values())
      for (const one of possible) if (one.answered) one.strength = 'disk'
  }

  /** The topic is gone, or may be. */
  forget(topic: string, surely: boolean): void {
    for (const [key, { possible }] of this.#commits) {
      if (!key.includes(`/${topic}/`)) continue
      if (surely) this.#commits.delete(key)
      else possible.push({ offset: undefined, strength: 'cache', answered: false })
    }
  }

  get keys(): { readonly group: string; readonly topic: string; readonly partition: number }[] {
    return [...this.#commits.keys()].map((key) => {
      const [group, topic, partition] = key.split('/')
      return { group, topic, partition: Number(partition) }
    })
  }

  /** Holds what was fetched after a start against what may be; from then on it is certain. */
  check(place: Omit<Commit, 'offset'>, offset: number | undefined): void {
    const { possible } = this.#of(place)
    const last = possible.findLastIndex(({ answered }) => answered)
    const isPossible = possible.some((one, i) => one.offset === offset && (i >= last || mayBeForgotten(one)))
    holds(
      isPossible,
      'a committed offset does not go back',
      () =>
        `${place.group} on ${place.topic}-${place.partition} is at ${offset}, not ${possible.map((one) => one.offset).join(' or ')}`,
    )
    possible.splice(0, possible.length, { offset, strength: 'disk', answered: true })
  }

  #of({ group, topic, partition }: Omit<Commit, 'offset'>): Commits {
    const key = `${group}/${topic}/${partition}`
    let commits = this.#commits.get(key)
    if (commits === undefined) {
      commits = { possible: [{ offset: undefined, strength: 'disk', answered: true }] }
      this.#commits.set(key, commits)
    }
    return commits
  }
}

/** The deletion of its topic, which may come after what was committed meanwhile. */
function mayBeForgotten({ offset, answered }: Possible): boolean {
  return offset === undefined && !answered
}
