/**
 * Recordings and their cuts, from one seed. Some cuts are followed up: what they left is mounted on a recorded disk, so that
 * the power can be cut during the recovery, and in what was done after it.
 */

import { type Dice, dice } from '../crash/seeded.js'
import type { Image } from '../support/block-device/image.js'
import { type Cut, checkKept, drawnCuts } from './cutting.js'
import { emptyHistory, type History } from './history.js'
import { type Recording, record } from './recording.js'
import { type World, type WorldChoice, worldOf } from './world.js'

export interface CampaignOptions {
  readonly directory: string
  readonly newDisk: Image
  readonly seed: number
  readonly choice?: WorldChoice
  readonly cuts: number
  /** What each of those who use the queue does. */
  readonly steps: number
  /** Recordings behind a cut, each with a third of the cuts. */
  readonly followed: number
}

export interface CampaignResult {
  readonly world: World
  recordings: number
  writes: number
  flushes: number
  cuts: number
  /** Of the cuts, those in a recording that began with a recovery. */
  cutsAfterCuts: number
  promised: number
  unpromised: number
}

/** @throws BrokenPromise */
export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const chance = dice(options.seed)
  const world = worldOf(chance, options.choice)
  const counts = { recordings: 0, writes: 0, flushes: 0, cuts: 0, cutsAfterCuts: 0, promised: 0, unpromised: 0 }
  const result: CampaignResult = { world, ...counts }
  const run = new Run(options, chance, result)
  let cuts = await run.recordAndCut(
    { base: options.newDisk, before: emptyHistory(), steps: options.steps },
    options.cuts,
  )
  for (let depth = 0; depth < options.followed; depth++) {
    const { image, history } = cuts[chance.between(0, cuts.length - 1)]
    const steps = Math.ceil(options.steps / 5)
    cuts = await run.recordAndCut({ base: image, before: history, steps }, Math.ceil(options.cuts / 3))
    result.cutsAfterCuts += cuts.length
  }
  return result
}

class Run {
  readonly #options: CampaignOptions
  readonly #dice: Dice
  readonly #result: CampaignResult

  constructor(options: CampaignOptions, chance: Dice, result: CampaignResult) {
    this.#options = options
    this.#dice = chance
    this.#result = result
  }

  async recordAndCut(from: { base: Image; before: History; steps: number }, count: number): Promise<readonly Cut[]> {
    const result = this.#result
    const { directory } = this.#options
    const recording: Recording = await record({ directory, world: result.world, dice: this.#dice, ...from })
    result.recordings++
    const flushes = recording.entries.filter(({ kind }) => kind === 'flush').length
    result.flushes += flushes
    result.writes += recording.entries.length - flushes
    const cuts: Cut[] = []
    for (const cut of drawnCuts(recording, count, this.#dice)) {
      const { promised, unpromised } = await checkKept(directory, result.world, cut)
      result.cuts++
      result.promised += promised
      result.unpromised += unpromised
      cuts.push(cut)
    }
    return cuts
  }
}
