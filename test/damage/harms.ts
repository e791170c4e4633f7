/** What happens to a whole file, or to sectors of it: it is cut, parts of it are zeros or in each other's place, it is an old copy, it is gone. */

import type { SeededRandomness } from '../../sim/seeded-randomness.js'
import { type Files, withFile } from '../../sim/stored-files.js'
import { kindOf, type Promised, placesIn } from './places.js'
import type { DamageWorld } from './worlds.js'

export const harmKinds = ['cut', 'zeroed sector', 'swapped sectors', 'stale copy', 'missing'] as const

export interface Harm {
  readonly kind: (typeof harmKinds)[number]
  readonly path: string
  readonly how: string
  readonly files: Files
}

const sectorBytes = 512

/** Every harm of this world's files; of cuts one of each class of lengths, of sectors so many. */
export function harmsOf(world: DamageWorld, random: SeededRandomness, sectors: number): Harm[] {
  return [...world.files].flatMap(([path, bytes]) => {
    if (bytes.length === 0) return []
    const harm = (kind: Harm['kind'], how: string, changed: Buffer | undefined): Harm[] =>
      changed?.equals(bytes) ? [] : [{ kind, path, how, files: withFile(world.files, path, changed) }]
    const stale = world.earlier.get(path)
    return [
      ...cutsOf(path, bytes, random).flatMap((length) => harm('cut', `to ${length}`, bytes.subarray(0, length))),
      ...pick(sectorsOf(bytes), sectors, random).flatMap((at) => harm('zeroed sector', `at ${at}`, zeroed(bytes, at))),
      ...pairs(sectorsOf(bytes), sectors, random).flatMap(([one, other]) =>
        harm('swapped sectors', `at ${one} and ${other}`, swapped(bytes, one, other)),
      ),
      ...(stale === undefined ? [] : harm('stale copy', 'of an earlier time', stale)),
      ...harm('missing', '', undefined),
    ]
  })
}

/** What the table promises of each field of the file, where it says the same of all. */
export function promisedOf(path: string, bytes: Buffer): Promised | undefined {
  const [first, ...others] = new Set(placesIn(path, bytes, 1).map(({ promised }) => promised))
  return others.length === 0 ? first : undefined
}

/** One of each class: nothing, inside and between fields and entries, at and beside sectors, all but a little. */
function cutsOf(path: string, bytes: Buffer, random: SeededRandomness): number[] {
  const fields = placesIn(path, bytes, 3)
  const field = fields[random.below(fields.length)] ?? { at: 0, length: 1 }
  const sector = sectorBytes * random.below(Math.ceil(bytes.length / sectorBytes))
  const lengths = [0, 1, field.at, field.at + (field.length >> 1), sector, sector + 1, sector - 1]
  const all = [...lengths, random.below(bytes.length), bytes.length >> 1, bytes.length - 1]
  return [...new Set(all)].filter((length) => length >= 0 && length < bytes.length)
}

/** Where its sectors begin that are not zeros already. */
function sectorsOf(bytes: Buffer): number[] {
  const all = Array.from({ length: Math.ceil(bytes.length / sectorBytes) }, (_, index) => index * sectorBytes)
  return all.filter((at) => bytes.subarray(at, at + sectorBytes).some((byte) => byte !== 0))
}

function pick<T>(from: readonly T[], count: number, random: SeededRandomness): T[] {
  if (from.length <= count) return [...from]
  // The first holds the head of the file.
  return [from[0], ...Array.from({ length: count - 1 }, () => from[random.below(from.length)])]
}

/** Whole ones, so that both fit in each other's place. */
function pairs(sectors: readonly number[], count: number, random: SeededRandomness): [number, number][] {
  const whole = sectors.slice(0, -1)
  return whole.length < 2 ? [] : pick(whole, count, random).map((one) => [one, whole[random.below(whole.length)]])
}

function zeroed(bytes: Buffer, at: number): Buffer {
  return Buffer.from(bytes).fill(0, at, Math.min(bytes.length, at + sectorBytes))
}

function swapped(bytes: Buffer, one: number, other: number): Buffer {
  const changed = Buffer.from(bytes)
  bytes.copy(changed, one, other, other + sectorBytes)
  bytes.copy(changed, other, one, one + sectorBytes)
  return changed
}

/** One harm of each kind for each kind of file. */
export function sampleOf(harms: readonly Harm[], random: SeededRandomness): Harm[] {
  const groups = new Map<string, Harm[]>()
  for (const harm of harms) {
    const key = `${harm.kind} ${kindOf(harm.path)}`
    groups.set(key, [...(groups.get(key) ?? []), harm])
  }
  return [...groups.values()].map((some) => some[random.below(some.length)])
}
