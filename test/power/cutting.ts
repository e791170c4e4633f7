/** Cuts the power of a recording at many places, and looks at what each cut left. What fails is kept, to be looked at again. */

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { Dice } from '../crash/seeded.js'
import { Image } from '../support/block-device/image.js'
import { mountImage } from '../support/block-device/image-mount.js'
import { PowerCuts, type Survival, survivals } from '../support/block-device/power-cut.js'
import { type Checked, checkCut } from './check.js'
import { asOf, type History } from './history.js'
import type { Recording } from './recording.js'
import type { World } from './world.js'

export interface Cut {
  readonly position: number
  readonly survival: Survival
  readonly image: Image
  /** As of the cut. */
  readonly history: History
}

/** A promise that was broken, and how to see it again. */
export class BrokenPromise extends Error {
  constructor(cut: Cut, kept: string, cause: unknown) {
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    super(`A cut at write ${cut.position} (${cut.survival}): ${why}\nAgain: npm run test:power -- --replay ${kept}`)
    this.cause = cause
  }
}

/** Cuts at places drawn by the dice, in the order of the record. */
export function* drawnCuts({ base, entries, history }: Recording, count: number, dice: Dice): Generator<Cut> {
  const places = Array.from({ length: count }, () => dice.between(0, entries.length)).sort((one, other) => one - other)
  const cuts = new PowerCuts(base, entries)
  for (const position of places) {
    const survival = survivals[dice.between(0, survivals.length - 1)]
    yield { position, survival, image: cuts.at(position, survival, dice), history: asOf(history, position) }
  }
}

/** @throws BrokenPromise */
export async function checkKept(directory: string, world: World, cut: Cut): Promise<Checked> {
  try {
    return await checkImage(directory, world, cut)
  } catch (error) {
    throw new BrokenPromise(cut, keep(world, cut), error)
  }
}

async function checkImage(
  directory: string,
  world: World,
  { image, history }: Pick<Cut, 'image' | 'history'>,
): Promise<Checked> {
  const mounted = mountImage(directory, image, world.fileSystem, world.mountOptions)
  try {
    return await checkCut(join(mounted.path, 'data'), world, history)
  } finally {
    mounted.end()
  }
}

const diskName = 'disk.img'
const caseName = 'case.v8'

function keep(world: World, { image, ...cut }: Cut): string {
  const kept = mkdtempSync(join(tmpdir(), 'holdfast-power-cut-'))
  mkdirSync(kept, { recursive: true })
  image.writeTo(join(kept, diskName))
  writeFileSync(join(kept, caseName), serialize({ world, cut }))
  return kept
}

/** Looks once more at a cut that was kept. @throws where the promise is broken still */
export function replay(directory: string, kept: string): Promise<Checked> {
  const { world, cut } = deserialize(readFileSync(join(kept, caseName))) as { world: World; cut: Omit<Cut, 'image'> }
  return checkImage(directory, world, { ...cut, image: Image.ofFile(join(kept, diskName)) })
}
