/**
 * Turns: every round runs a block of each contender, A B C and then C B A, with the floor before, between and after
 * the rounds. On a shared machine the speed of the disk changes by the minute; what stands is the ratio within a round.
 */

import { spawnSync } from 'node:child_process'
import type { BlockResult, Contender, Spec } from './contender.js'

export interface Plan {
  readonly rounds: number
  readonly blockMs: number
  /** One block of each that nobody looks at: long enough for the engine to have compiled what runs. */
  readonly warmupMs: number
  /** Dirty pages of the file system that holds this path are written out before each block. */
  readonly settle?: string
}

export interface Rounds {
  /** By label, one result a kept round, all in the same order. */
  readonly results: ReadonlyMap<string, readonly BlockResult[]>
  /** The floor of each kept round: the mean of the one before and the one after. */
  readonly floors: readonly number[]
  /** Left out, since the floor changed too much around them. */
  readonly dropped: number
  /** It did around every round, so that all were kept: only a spread can be read from them. */
  readonly noisy: boolean
  /** Contenders that could not be started or broke, and why. */
  readonly missing: ReadonlyMap<string, string>
}

/** Two measurements of the floor around a round that differ by more say that something else was at the disk. */
const mostDrift = 1.5

interface Entry {
  readonly spec: Spec
  readonly contender: Contender
}

/** Measures the contenders against one another. One that fails is left out; the rest go on. */
export async function runRounds(specs: readonly Spec[], plan: Plan, say: (line: string) => void): Promise<Rounds> {
  const missing = new Map<string, string>()
  const entries: Entry[] = []
  const turn = async (entry: Entry, ms: number): Promise<BlockResult | undefined> => {
    if (missing.has(entry.spec.label)) return undefined
    try {
      await entry.contender.prepare?.()
      if (plan.settle !== undefined) spawnSync('sync', ['-f', plan.settle])
      return await entry.contender.block(ms)
    } catch (error) {
      leaveOut(entry.spec, error)
      return undefined
    }
  }
  const leaveOut = (spec: Spec, error: unknown) => {
    missing.set(spec.label, (error as Error).message)
    say(`  !! ${spec.label} is left out: ${(error as Error).message}`)
  }
  try {
    for (const spec of specs) {
      try {
        entries.push({ spec, contender: await spec.start() })
      } catch (error) {
        leaveOut(spec, error)
      }
    }
    for (const entry of entries) await turn(entry, plan.warmupMs)
    const rounds = await takeTurns(entries, plan, turn)
    return { ...keepQuiet(rounds, missing), missing }
  } finally {
    for (const { contender } of entries) await contender.close().catch(() => {})
  }
}

interface Round {
  readonly blocks: ReadonlyMap<string, BlockResult>
  readonly floorBefore?: BlockResult
  readonly floorAfter?: BlockResult
}

async function takeTurns(
  entries: readonly Entry[],
  plan: Plan,
  turn: (entry: Entry, ms: number) => Promise<BlockResult | undefined>,
): Promise<Round[]> {
  const floor = entries.find((entry) => entry.spec.role === 'floor')
  const others = entries.filter((entry) => entry !== floor)
  const rounds: Round[] = []
  const measureFloor = async () => (floor === undefined ? undefined : turn(floor, plan.blockMs))
  let floorBefore = await measureFloor()
  for (let round = 0; round < plan.rounds; round++) {
    const blocks = new Map<string, BlockResult>()
    for (const entry of round % 2 === 0 ? others : [...others].reverse()) {
      const result = await turn(entry, plan.blockMs)
      if (result !== undefined) blocks.set(entry.spec.label, result)
    }
    const floorAfter = await measureFloor()
    if (floor !== undefined && floorAfter !== undefined) blocks.set(floor.spec.label, floorAfter)
    rounds.push({ blocks, floorBefore, floorAfter })
    floorBefore = floorAfter
  }
  return rounds
}

/** A round is dropped for all or for none. */
function keepQuiet(rounds: readonly Round[], missing: ReadonlyMap<string, string>): Omit<Rounds, 'missing'> {
  const quiet = rounds.filter(({ floorBefore: before, floorAfter: after }) => {
    if (before === undefined || after === undefined) return true
    return Math.max(before.value, after.value) <= mostDrift * Math.min(before.value, after.value)
  })
  const kept = quiet.length > 0 ? quiet : rounds
  const labels = [...new Set(rounds.flatMap(({ blocks }) => [...blocks.keys()]))].filter((label) => !missing.has(label))
  return {
    results: new Map(labels.map((label) => [label, kept.map(({ blocks }) => blocks.get(label) as BlockResult)])),
    floors: kept.flatMap(({ floorBefore: before, floorAfter: after }) =>
      before === undefined || after === undefined ? [] : [(before.value + after.value) / 2],
    ),
    dropped: rounds.length - kept.length,
    noisy: quiet.length === 0,
  }
}
