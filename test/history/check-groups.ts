/** What a history says about consumers and their groups: what was read stays, sessions go forward, offsets hold. */

import type { Assignment, CommittedFetch, Delivery, History, Kill, OffsetCommit, Violation } from './history.js'

export function checkGroups(history: History): Violation[] {
  const { operations } = history
  const deliveries = operations.filter((one): one is Delivery => one.op === 'deliver')
  const assignments = operations.filter((one): one is Assignment => one.op === 'assign')
  return [
    ...readStays(history, deliveries),
    ...sessionsGoForward(deliveries),
    ...oneOwner(assignments),
    ...committedHolds(history),
    ...resumesBehindCommitted(history, deliveries, assignments),
    ...allDelivered(history, deliveries),
  ]
}

function readStays({ final }: History, deliveries: readonly Delivery[]): Violation[] {
  return deliveries.flatMap((delivery) => {
    const { partition, offset, payload, isolation } = delivery
    const { start, records } = final[partition]
    if (offset < start) return []
    const stored = records[offset - start]
    if (stored?.payload !== payload) {
      const what = `partition ${partition}: ${payload} was read at ${offset}, where ${stored?.payload} lies`
      return [{ rule: 'read-then-lost', what, operations: [delivery] }]
    }
    if (isolation === 'read_uncommitted' || stored.committed) return []
    const what = `partition ${partition}: ${payload} at ${offset} was aborted, and read as committed`
    return [{ rule: 'read-aborted', what, operations: [delivery] }]
  })
}

function sessionsGoForward(deliveries: readonly Delivery[]): Violation[] {
  const last = new Map<string, Delivery>()
  return deliveries.flatMap((delivery) => {
    const key = `${delivery.session}/${delivery.partition}`
    const before = last.get(key)
    last.set(key, delivery)
    if (before === undefined || before.offset < delivery.offset) return []
    const what = `${delivery.session}, partition ${delivery.partition}: ${delivery.offset} came after ${before.offset}`
    return [{ rule: 'session-goes-back', what, operations: [before, delivery] }]
  })
}

function oneOwner(assignments: readonly Assignment[]): Violation[] {
  const owners = new Map<string, Assignment>()
  return assignments.flatMap((assignment) =>
    assignment.partitions.flatMap((partition) => {
      const key = `${assignment.group}/${assignment.generation}/${partition}`
      const other = owners.get(key)
      owners.set(key, assignment)
      if (other === undefined || other.member === assignment.member) return []
      const what = `${key}: owned by ${other.member} and ${assignment.member} (group/generation/partition)`
      return [{ rule: 'two-owners', what, operations: [other, assignment] }]
    }),
  )
}

/** The commits that may be the one in force at some moment of a span, and whether there may be none. */
function inForce(history: History, group: string, partition: number, begin: number, end: number) {
  const commits = history.operations.filter(
    (one): one is OffsetCommit => one.op === 'commit' && one.group === group && one.partition === partition,
  )
  const kills = history.operations.filter((one): one is Kill => one.op === 'kill').map(({ at }) => at)
  // What was on its way to a broker that was killed cannot come into force later.
  const over = (commit: OffsetCommit) =>
    commit.outcome === 'acked' ? commit.end : (kills.find((at) => at > commit.begin) ?? Number.POSITIVE_INFINITY)
  const settled = commits.filter((one) => one.outcome === 'acked' && one.end < begin)
  const latest = Math.max(-1, ...settled.map((one) => one.begin))
  const possible = commits.filter((one) => one.outcome !== 'refused' && one.begin < end && over(one) >= latest)
  return { possible, settled: settled.length > 0 }
}

function committedHolds(history: History): Violation[] {
  const fetches = history.operations.filter((one): one is CommittedFetch => one.op === 'fetch')
  return fetches.flatMap((fetch) => {
    const { possible, settled } = inForce(history, fetch.group, fetch.partition, fetch.begin, fetch.end)
    if (fetch.offset === undefined ? !settled : possible.some(({ offset }) => offset === fetch.offset)) return []
    const expected = [...new Set(possible.map(({ offset }) => offset))].join(' or ')
    const what = `${fetch.group}, partition ${fetch.partition}: ${fetch.offset} is committed instead of ${expected}`
    return [{ rule: 'committed-goes-back', what, operations: [fetch, ...possible] }]
  })
}

/** After an assignment a session starts no earlier than what was surely committed before it. */
function resumesBehindCommitted(
  history: History,
  deliveries: readonly Delivery[],
  assignments: readonly Assignment[],
): Violation[] {
  const assigned = new Map(assignments.map((one) => [one.session, one]))
  const started = new Set<string>()
  return deliveries.flatMap((delivery) => {
    const key = `${delivery.session}/${delivery.partition}`
    const assignment = assigned.get(delivery.session)
    if (started.has(key) || assignment === undefined) return []
    started.add(key)
    const { at } = assignment
    const { possible, settled } = inForce(history, delivery.group, delivery.partition, at, delivery.at)
    if (!settled || possible.some(({ offset }) => offset <= delivery.offset)) return []
    const what = `${key} resumes at ${delivery.offset}, before all that was committed`
    return [{ rule: 'resumes-before-committed', what, operations: [assignment, delivery, ...possible] }]
  })
}

function allDelivered({ final, drained }: History, deliveries: readonly Delivery[]): Violation[] {
  return drained.flatMap((group) => {
    const got = new Set(
      deliveries.filter((one) => one.group === group).map(({ partition, offset }) => `${partition}/${offset}`),
    )
    return final.flatMap(({ records }, partition) =>
      records
        .filter(({ payload, committed }) => payload !== undefined && committed)
        .filter(({ offset }) => !got.has(`${partition}/${offset}`))
        .map(({ offset, payload }) => {
          const what = `${group}: ${payload} at ${offset} of partition ${partition} was never delivered`
          return { rule: 'never-delivered', what, operations: [] }
        }),
    )
  })
}
