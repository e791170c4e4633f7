/** What nodes said of the ends of their logs: never an older one after a newer one, whichever of them said it. */

import type { Send, Violation } from '../history/history.js'

/** An answer of a node that says it may answer; stamps are those of the history. */
export interface SeenEnd {
  readonly node: string
  readonly partition: number
  readonly offset: number
  readonly begin: number
  readonly end: number
}

/** What was known at a moment: everything below `end` is there. */
interface Known {
  readonly at: number
  readonly end: number
  readonly from: string
}

export function checkEnds(seen: readonly SeenEnd[], sends: readonly Send[]): Violation[] {
  const partitions = [...new Set(seen.map(({ partition }) => partition))]
  return partitions.flatMap((partition) => {
    const answers = seen.filter((one) => one.partition === partition).sort((a, b) => a.begin - b.begin)
    const known: Known[] = answers.map(({ end: at, offset: end, node }) => ({ at, end, from: `what ${node} said` }))
    for (const { partition: sentTo, outcome, end: at, payload } of sends) {
      if (sentTo === partition && typeof outcome === 'object')
        known.push({ at, end: outcome.offset + 1, from: `${payload}, acknowledged at ${outcome.offset}` })
    }
    return goBack(
      answers,
      known.sort((a, b) => a.at - b.at),
    )
  })
}

function goBack(answers: readonly SeenEnd[], known: readonly Known[]): Violation[] {
  let highest: Known | undefined
  let next = 0
  return answers.flatMap((answer) => {
    for (; next < known.length && known[next].at < answer.begin; next++) {
      if (highest === undefined || known[next].end > highest.end) highest = known[next]
    }
    if (highest === undefined || highest.end <= answer.offset) return []
    const { node, partition, offset, begin } = answer
    const what = `partition ${partition}: ${node} said at ${begin} that it ends at ${offset}, after ${highest.from}, at ${highest.at}, had it end at ${highest.end}`
    return [{ rule: 'end-goes-back', what, operations: [] }]
  })
}
