/**
 * One directory of the simulated disk: the names as everybody sees them, the names on stable storage, and the changes
 * in between, each of which a crash may let happen or not. A file keeps its bytes apart from its names.
 */

import type { SeededRandomness } from '../seeded-randomness.js'
import type { Fault } from './faults.js'
import { Inode } from './inode.js'

export type Node = Inode | Directory

/** What a change became, told to both of its halves where it concerns two directories: it happens in both or in none. */
interface Fate {
  happened?: boolean
}

type Step =
  | { readonly kind: 'add'; readonly name: string; readonly node: Node }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly node: Node }

interface Change {
  readonly step: Step
  readonly fate: Fate
}

/** What becomes of each thing in one crash: a file with several names is one file afterwards too. */
interface Crash {
  readonly random: SeededRandomness
  readonly fates: Map<Fate, boolean>
  readonly survivors: Map<Inode, Inode>
  readonly numbers: Numbers
}

/** Numbers for the files of one disk. */
export interface Numbers {
  next: number
}

export class Directory {
  readonly entries = new Map<string, Node>()
  #durable = new Map<string, Node>()
  #pending: Change[] = []

  change(step: Step, fate: Fate = {}): void {
    perform(this.entries, step)
    this.#pending.push({ step, fate })
  }

  /** How many changes no sync covers. */
  get unsynced(): number {
    return this.#pending.length
  }

  namesOf(inode: Inode): number {
    let names = 0
    for (const node of this.entries.values())
      names += node instanceof Directory ? node.namesOf(inode) : Number(node === inode)
    return names
  }

  /** Of all files in it and below, each name counted. */
  sum(bytesOf: (inode: Inode) => number): number {
    let bytes = 0
    for (const node of this.entries.values()) bytes += node instanceof Directory ? node.sum(bytesOf) : bytesOf(node)
    return bytes
  }

  /** What a sync that begins now covers. */
  covered(): readonly Change[] {
    return this.#pending.slice()
  }

  /** These changes are on stable storage. */
  settle(changes: readonly Change[]): void {
    const settled = new Set(changes)
    for (const { step, fate } of this.#pending.filter((change) => settled.has(change))) {
      fate.happened ??= true
      if (fate.happened) perform(this.#durable, step)
    }
    this.#pending = this.#pending.filter((change) => !settled.has(change))
  }

  /** The sync of these failed: they are durable as far as `effect` says, the rest never will be, and everybody sees all. */
  giveUp(changes: readonly Change[], effect: Fault['effect'], below: (limit: number) => number): void {
    const settled = changes.filter(() => effect === 'all' || (effect === 'part' && below(2) === 0))
    this.settle(settled)
    const given = new Set(changes)
    for (const change of this.#pending) if (given.has(change)) change.fate.happened ??= false
    this.#pending = this.#pending.filter((change) => !given.has(change))
  }

  /** The process died. */
  killed(random?: SeededRandomness): void {
    for (const node of this.entries.values()) node.killed(random)
  }

  /** What a crash leaves of it. */
  crashed(random: SeededRandomness, numbers: Numbers): Directory {
    return this.#crashed({ random, numbers, fates: new Map(), survivors: new Map() })
  }

  #crashed(crash: Crash): Directory {
    const { random, fates, survivors, numbers } = crash
    const names = new Map(this.#durable)
    // Often all or nothing: the more changes there are, the rarer both would be else.
    const bias = random.below(4)
    for (const { step, fate } of this.#pending) {
      const drawn = bias === 0 ? true : bias === 1 ? false : random.once(2)
      const happens = fate.happened ?? fates.get(fate) ?? drawn
      fates.set(fate, happens)
      if (happens && canHappen(names, step)) perform(names, step)
    }
    const found = new Directory()
    for (const [name, node] of names) {
      if (node instanceof Directory) found.entries.set(name, node.#crashed(crash))
      else {
        const survivor = survivors.get(node) ?? new Inode(++numbers.next, node.crashed(random))
        survivors.set(node, survivor)
        found.entries.set(name, survivor)
      }
    }
    found.#durable = new Map(found.entries)
    return found
  }
}

/** Nothing is renamed that is not under its name: what gave it that name has not happened. */
function canHappen(names: ReadonlyMap<string, Node>, step: Step): boolean {
  return step.kind !== 'rename' || names.get(step.from) === step.node
}

function perform(names: Map<string, Node>, step: Step): void {
  if (step.kind === 'add') names.set(step.name, step.node)
  else if (step.kind === 'remove') names.delete(step.name)
  else {
    if (names.get(step.from) === step.node) names.delete(step.from)
    names.set(step.to, step.node)
  }
}
