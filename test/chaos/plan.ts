/** What goes wrong in a run, and when: dealt from a shuffled deck of everything that can, by a seed. */

import { type Dice, dice } from '../crash/seeded.js'

/** On whom: who leads when it begins, one of the others, or one host's etcd. */
export type Target = 'primary' | 'replica' | 'etcd'

export const faultKinds = [
  'kill',
  'kill-host',
  'pause',
  'cut',
  'cut-from-hosts',
  'deaf',
  'mute',
  'resets',
  'loss',
  'narrow',
  'late',
  'clock-step',
  'full-disk',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface PlannedFault {
  readonly atMs: number
  readonly forMs: number
  readonly kind: FaultKind
  readonly target: Target
  /** Of what the fault leaves open, e.g. how much is lost. */
  readonly seed: number
}

/** How often each is in the deck. */
const deck: Readonly<Record<FaultKind, Partial<Record<Target, number>>>> = {
  kill: { primary: 3, replica: 2, etcd: 1 },
  'kill-host': { primary: 1, replica: 1 },
  pause: { primary: 3, replica: 2, etcd: 1 },
  cut: { primary: 2, replica: 1, etcd: 1 },
  'cut-from-hosts': { primary: 2 },
  deaf: { primary: 1, replica: 1 },
  mute: { primary: 1, replica: 1 },
  resets: { primary: 1, replica: 1 },
  loss: { primary: 1, replica: 1, etcd: 1 },
  narrow: { primary: 1, replica: 1 },
  late: { primary: 1, replica: 1, etcd: 1 },
  'clock-step': { primary: 1, replica: 1 },
  'full-disk': { primary: 1, replica: 1, etcd: 1 },
}

const cards = Object.entries(deck).flatMap(([kind, targets]) =>
  Object.entries(targets).flatMap(([target, count]) =>
    Array.from({ length: count }, () => ({ kind: kind as FaultKind, target: target as Target })),
  ),
)

function shuffled<T>(all: readonly T[], { between }: Dice): T[] {
  const list = [...all]
  for (let i = list.length - 1; i > 0; i--) {
    const j = between(0, i)
    ;[list[i], list[j]] = [list[j], list[i]]
  }
  return list
}

const first = { fromMs: 2000, toMs: 4000 }
const lasting = { fromMs: 1000, toMs: 9000 }
/** From the end of one to the beginning of the next; every third begins while the one before it lasts. */
const calm = { fromMs: 500, toMs: 4000 }

/** All that begins within `durationMs`; what is planned ends soon after. */
export function plan(seed: number, durationMs: number): PlannedFault[] {
  const luck = dice(seed)
  const planned: PlannedFault[] = []
  let left: typeof cards = []
  for (let atMs = luck.between(first.fromMs, first.toMs); atMs < durationMs; ) {
    if (left.length === 0) left = shuffled(cards, luck)
    const card = left.pop()
    if (card === undefined) break
    const forMs = luck.between(lasting.fromMs, lasting.toMs)
    planned.push({ atMs, forMs, ...card, seed: luck.between(0, 2 ** 31 - 1) })
    const overlaps = luck.next() < 1 / 3
    atMs += overlaps ? luck.between(0, forMs) : forMs + luck.between(calm.fromMs, calm.toMs)
  }
  return planned
}
