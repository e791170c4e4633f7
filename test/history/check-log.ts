/** What a history says about the messages themselves: nothing acknowledged lost, doubled, moved, invented or half committed. */

import type { EndOfTransaction, History, Send, Violation } from './history.js'

interface Placed extends Send {
  readonly outcome: { readonly offset: number }
}

const placed = (send: Send): send is Placed => typeof send.outcome === 'object'

export function checkLog(history: History): Violation[] {
  const sends = history.operations.filter((one): one is Send => one.op === 'send')
  return [
    ...offsetsFollow(history),
    ...acknowledgedIsThere(history, sends),
    ...storedWasSent(history, sends),
    ...inOrderOfTime(sends.filter(placed)),
    ...inOrderOfProducer(history, sends),
    ...transactionsAreWhole(history, sends),
  ]
}

function offsetsFollow({ final }: History): Violation[] {
  return final.flatMap(({ start, records }, partition) =>
    records.flatMap(({ offset }, i) =>
      offset === start + i
        ? []
        : [
            {
              rule: 'offsets-follow',
              what: `partition ${partition}: ${offset} where ${start + i} belongs`,
              operations: [],
            },
          ],
    ),
  )
}

function acknowledgedIsThere({ final }: History, sends: readonly Send[]): Violation[] {
  return sends.filter(placed).flatMap((send) => {
    const { start, records } = final[send.partition]
    const { offset } = send.outcome
    if (offset < start) return []
    const there = records[offset - start]?.payload
    if (there === send.payload) return []
    const what = `partition ${send.partition}: ${send.payload} was acknowledged at ${offset}, where ${there} lies`
    return [{ rule: 'acknowledged-lost', what, operations: [send] }]
  })
}

/** A producer without idempotence may store a message twice, if its client sends it again. */
function storedWasSent({ final }: History, sends: readonly Send[]): Violation[] {
  const byPayload = new Map(sends.map((send) => [`${send.partition}/${send.payload}`, send]))
  const seen = new Map<string, number>()
  const violations: Violation[] = []
  for (const [partition, { records }] of final.entries()) {
    for (const { offset, payload } of records) {
      if (payload === undefined) continue
      const key = `${partition}/${payload}`
      const send = byPayload.get(key)
      const at = `partition ${partition}: ${payload} at ${offset}`
      if (send === undefined) violations.push({ rule: 'invented', what: `${at}, sent by nobody`, operations: [] })
      else if (send.outcome === 'refused')
        violations.push({ rule: 'refused-stored', what: `${at} was refused`, operations: [send] })
      else if (seen.has(key) && send.kind !== 'plain')
        violations.push({ rule: 'duplicate', what: `${at} and at ${seen.get(key)}`, operations: [send] })
      seen.set(key, offset)
    }
  }
  return violations
}

function byPartition(all: readonly Placed[]): Placed[][] {
  const partitions = new Map<number, Placed[]>()
  for (const one of all) {
    const list = partitions.get(one.partition)
    if (list === undefined) partitions.set(one.partition, [one])
    else list.push(one)
  }
  return [...partitions.values()]
}

/** A send that was acknowledged before another began lies before it, whoever sent them. */
function inOrderOfTime(sends: readonly Placed[]): Violation[] {
  return byPartition(sends).flatMap((all) => {
    const ended = [...all].sort((a, b) => a.end - b.end)
    const violations: Violation[] = []
    let highest: Placed | undefined
    let next = 0
    for (const send of [...all].sort((a, b) => a.begin - b.begin)) {
      for (; next < ended.length && ended[next].end < send.begin; next++) {
        if (highest === undefined || ended[next].outcome.offset > highest.outcome.offset) highest = ended[next]
      }
      if (highest === undefined || highest.outcome.offset < send.outcome.offset) continue
      const what = `partition ${send.partition}: ${send.payload} began after ${highest.payload} was acknowledged and lies before it`
      violations.push({ rule: 'order-of-time', what, operations: [highest, send] })
    }
    return violations
  })
}

/** Messages of one producer lie in the order in which it sent them, those without an answer too. */
function inOrderOfProducer({ final }: History, sends: readonly Send[]): Violation[] {
  const byPayload = new Map(sends.map((send) => [`${send.partition}/${send.payload}`, send]))
  const violations: Violation[] = []
  for (const [partition, { records }] of final.entries()) {
    const last = new Map<string, Send>()
    for (const { payload } of records) {
      const send = byPayload.get(`${partition}/${payload}`)
      if (send === undefined || send.kind === 'plain') continue
      const before = last.get(send.producer)
      if (before !== undefined && before.sequence > send.sequence) {
        const what = `partition ${partition}: ${before.payload} lies before ${send.payload}, which was sent first`
        violations.push({ rule: 'order-of-producer', what, operations: [send, before] })
      }
      last.set(send.producer, send)
    }
  }
  return violations
}

function transactionsAreWhole({ final, operations }: History, sends: readonly Send[]): Violation[] {
  const visible = new Set<string>()
  for (const [partition, { records }] of final.entries()) {
    for (const { payload, committed } of records) if (committed) visible.add(`${partition}/${payload}`)
  }
  const deleted = (send: Send) => placed(send) && send.outcome.offset < final[send.partition].start
  const members = new Map<string, Send[]>()
  for (const send of sends) {
    if (send.transaction === undefined || deleted(send)) continue
    const list = members.get(send.transaction)
    if (list === undefined) members.set(send.transaction, [send])
    else list.push(send)
  }
  const ends = new Map(
    operations.filter((one): one is EndOfTransaction => one.op === 'end').map((one) => [one.transaction, one]),
  )
  return [...members].flatMap(([name, all]) => {
    const shown = all.filter((send) => visible.has(`${send.partition}/${send.payload}`))
    const end = ends.get(name)
    const outcome = end?.outcome ?? 'aborted'
    // A send without an answer may never have arrived, so that only acknowledged ones tell of a half.
    const acknowledged = all.filter(placed)
    const hidden = acknowledged.filter((send) => !shown.includes(send))
    const wrong =
      (outcome === 'committed' && hidden.length > 0) ||
      (outcome === 'aborted' && shown.length > 0) ||
      (outcome === 'unknown' && shown.length > 0 && hidden.length > 0)
    if (!wrong) return []
    const what = `transaction ${name} (${outcome}): ${shown.length} of ${all.length} messages are visible`
    return [{ rule: 'transaction-whole', what, operations: [...all, ...(end === undefined ? [] : [end])] }]
  })
}
