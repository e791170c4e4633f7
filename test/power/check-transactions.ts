/** Transactions are there whole or not at all, and positions of groups do not go back. */

import assert from 'node:assert/strict'
import type { BrokerService } from '../../src/broker/contract.js'
import { type History, never, type OffsetFacts, type TransactionFacts } from './history.js'

/**
 * `committed`: the messages that readers of committed ones see. The offsets that follow from it, by transactional id: the
 * last one that was committed, and the others that may be in its place.
 */
export function checkTransactions(history: History, committed: ReadonlySet<number>): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const transaction of history.transactions) {
    const { index, transactionalId } = transaction
    const messages = history.messages.filter((one) => one.transaction === index)
    const visible = messages.filter(({ id }) => committed.has(id)).length
    const label = `transaction ${index} of ${transactionalId}`
    if (transaction.committed !== never) {
      assert.equal(visible, messages.length, `${label} was committed, with all of its messages`)
    } else if (transaction.commitBegun !== never) {
      assert.ok(visible === 0 || visible === messages.length, `${label} is there in part`)
    } else {
      assert.equal(visible, 0, `${label} was not committed, and is read`)
    }
    if (transaction.offset >= 0) groups.set(transactionalId, offsetsAfter(transaction, visible, groups))
  }
  return groups
}

function offsetsAfter(
  { offset, transactionalId }: TransactionFacts,
  visible: number,
  groups: ReadonlyMap<string, number[]>,
): number[] {
  const before = groups.get(transactionalId) ?? [-1]
  return visible > 0 ? [offset] : before
}

export async function checkGroups(
  service: BrokerService,
  history: History,
  transactional: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  for (const [group, allowed] of transactional) {
    const found = await committedOffset(service, { group, topic: 'plain', partition: 0 })
    assert.ok(allowed.includes(found), `group ${group} is at ${found}; its transactions say ${allowed.join(' or ')}`)
  }
  const places = new Map<string, OffsetFacts[]>()
  for (const one of history.offsets) {
    if (one.group === '') continue
    const name = JSON.stringify([one.group, one.topic, one.partition])
    places.set(name, [...(places.get(name) ?? []), one])
  }
  for (const [name, commits] of places) {
    const found = await committedOffset(service, commits[0])
    const done = Math.max(-1, ...commits.filter((one) => one.done !== never).map((one) => one.offset))
    const begun = Math.max(...commits.map((one) => one.offset))
    assert.ok(found >= done && found <= begun, `${name} is at ${found}; ${done} was promised, ${begun} asked for`)
  }
}

async function committedOffset(
  service: BrokerService,
  { group, topic, partition }: Pick<OffsetFacts, 'group' | 'topic' | 'partition'>,
): Promise<number> {
  const [found] = await service.fetchOffsets(group, [{ topic, partition }])
  assert.equal(found?.error, undefined, `${group}: ${found?.error?.message}`)
  return found?.offset ?? -1
}
