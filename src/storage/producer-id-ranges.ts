/**
 * Producer ids of nodes that hold copies of the same logs: each gives away those of a range of its own, by its number, so
 * that two of them never give away the same one. A node that is alone gives away any.
 */

const idsPerNode = 2 ** 40
/** So that all ids are exact as numbers of JavaScript. */
export const greatestNodeId = 2 ** 13 - 2

export interface IdRange {
  readonly first: number
  /** Behind the last. */
  readonly end: number
}

/** Of one of several nodes; all where it is alone. */
export function idRangeOf(nodeId: number | undefined): IdRange {
  if (nodeId === undefined) return { first: 0, end: Number.MAX_SAFE_INTEGER }
  return { first: nodeId * idsPerNode, end: (nodeId + 1) * idsPerNode }
}

/** The greatest ids that logs hold, of each node. */
export class GreatestIds {
  readonly #ofRange = new Map<number, number>()

  note(producerId: number): void {
    const range = Math.floor(producerId / idsPerNode)
    if (producerId > (this.#ofRange.get(range) ?? -1)) this.#ofRange.set(range, producerId)
  }

  add(others: GreatestIds): void {
    for (const producerId of others.#ofRange.values()) this.note(producerId)
  }

  /** -1 where there is none. */
  within({ first, end }: IdRange): number {
    return Math.max(-1, ...[...this.#ofRange.values()].filter((id) => id >= first && id < end))
  }
}
