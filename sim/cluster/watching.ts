/** Holds who leads against what may be: epochs grow, each has one leader and one beginning, and no two nodes answer at a time. */

import type { Leadership } from '../../src/replication/authority.js'
import { decodeLeadership } from '../../src/replication/etcd/records.js'
import { holds } from '../world/violation.js'
import type { Life } from './life.js'

export interface Watched {
  readonly id: number
  readonly life: Life
  readonly leads: boolean
  readonly leaderEpoch: number
}

export class Watching {
  readonly #begun = new Map<number, Life>()
  /** As etcd has it. */
  decided: Leadership | undefined
  /** Nodes whose directory was emptied, and which etcd still names in the in-sync set. */
  readonly wiped = new Set<number>()
  epochs = 0

  /** etcd was told. */
  put(key: string, value: string): void {
    if (!key.endsWith('/leadership')) return
    const before = this.decided
    const next = decodeLeadership(value)
    const isGone = before?.inSync.every((id) => this.wiped.has(id)) === true
    holds(!isGone, 'a copy stays', () => `all of ${before?.inSync} are gone, and ${next.leaderId} was decided`)
    const begins = before === undefined || next.epoch !== before.epoch
    holds(
      before === undefined ||
        (begins ? next.epoch > before.epoch : next.leaderId === before.leaderId || next.leaderId < 0),
      'leader epochs grow',
      () => `${JSON.stringify(next)} follows ${JSON.stringify(before)}`,
    )
    holds(
      !begins || before === undefined || (before.inSync.includes(next.leaderId) && !this.wiped.has(next.leaderId)),
      'who leads was in sync',
      () => `${JSON.stringify(next)} follows ${JSON.stringify(before)}, emptied are ${[...this.wiped]}`,
    )
    if (begins) this.epochs++
    this.decided = next
    for (const id of this.wiped) if (!next.inSync.includes(id)) this.wiped.delete(id)
  }

  look(nodes: Iterable<Watched>): void {
    const leading = [...nodes].filter(({ leads }) => leads)
    holds(
      leading.length < 2,
      'one node leads',
      () => `nodes ${leading.map(({ id, leaderEpoch }) => `${id} in epoch ${leaderEpoch}`).join(' and ')} lead`,
    )
    for (const { id, life, leaderEpoch } of leading) {
      const before = this.#begun.get(leaderEpoch)
      holds(before === undefined || before === life, 'an epoch is one leadership', () => `${id}: ${leaderEpoch}`)
      this.#begun.set(leaderEpoch, life)
    }
  }
}
