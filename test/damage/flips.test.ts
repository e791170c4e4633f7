/**
 * A bit turns in any field of any kind of file: no reader gets what was never written, nothing ends in a crash, and the
 * promise of ./places.ts holds. A sample by a seed, or each bit (`npm run test:damage`).
 */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { withFile } from '../../sim/stored-files.js'
import { flipped } from '../storage/inspect/world.js'
import { found, invented, isFound, isWhole, serve } from './outcome.js'
import { kindOf, type Place, type Promised, placesIn, rows } from './places.js'
import { type DamageWorld, damageWorlds } from './worlds.js'

const isEach = process.env['HOLDFAST_DAMAGE_BITS'] === 'all'
const seed = Number(process.env['HOLDFAST_SEED'] ?? 1)
const replay = `replay with HOLDFAST_SEED=${seed}`

let worlds: readonly DamageWorld[]

before(async () => {
  worlds = await damageWorlds()
})

interface Flip extends Place {
  readonly byte: number
  readonly bit: number
}

/** Each bit, or one bit of each field of each kind. */
function flipsOf({ files }: DamageWorld, random: SeededRandomness): Flip[] {
  const places = [...files].flatMap(([path, bytes]) => placesIn(path, bytes, isEach ? 8 : 3))
  if (isEach) {
    return places.flatMap((place) =>
      Array.from({ length: place.length * 8 }, (_, i) => ({ ...place, byte: place.at + (i >> 3), bit: i & 7 })),
    )
  }
  return [...grouped(places).values()].map((some) => {
    const place = some[random.below(some.length)]
    return { ...place, byte: place.at + random.below(place.length), bit: random.below(8) }
  })
}

function grouped(places: readonly Place[]): Map<string, Place[]> {
  const groups = new Map<string, Place[]>()
  for (const place of places) {
    const key = `${place.kind} ${place.field}`
    groups.set(key, [...(groups.get(key) ?? []), place])
  }
  return groups
}

test('every kind of file of the worlds has a row, and of the kinds with fields the worlds have files', () => {
  const kinds = new Set(worlds.flatMap(({ files }) => [...files.keys()].map(kindOf)))
  assert.ok(!kinds.has('foreign'))
  // Only a topic that compacts or is told to keeps one, and test/storage/key-index harms it.
  const missing = Object.entries(rows).filter(([kind, row]) => row !== 'not read' && !kinds.has(kind as never))
  assert.deepEqual(
    missing.map(([kind]) => kind),
    ['key-index'],
  )
})

test('a store that nobody harmed is read whole, and a record that changed with its CRC is told from it', async () => {
  for (const world of worlds) {
    const served = await serve(world, world.files, false)
    assert.deepEqual(served.errors, [])
    assert.ok([...served.content.values()].every(({ size }) => size > 0))
    const [log, batches] = [...served.content][0]
    const [offset] = [...batches.keys()]
    const other = new Map([[log, new Map([[offset, 'other']])]])
    assert.deepEqual(invented(served.content, { content: other, errors: [] }), [`${log} ${offset}`])
    assert.ok(!isWhole(served.content, { content: other, errors: [] }) || batches.size === 1)
  }
})

test('of a turned bit nobody reads what was not written, and what is promised of its field holds', async (t) => {
  const random = new SeededRandomness(seed)
  const tried: Record<Promised, number> = { detected: 0, served: 0, guarded: 0 }
  for (const world of worlds) {
    const { content } = await serve(world, world.files, true)
    const told = await found(world, world.files)
    for (const flip of flipsOf(world, random)) {
      const { path, field, promised, byte, bit } = flip
      const name = `${world.name}: ${field} of ${path}, byte ${byte}, bit ${bit}; ${replay}`
      const files = withFile(world.files, path, flipped(world.files.get(path) as Buffer, byte, bit))
      for (const fullScan of [false, true]) {
        const served = await serve(world, files, fullScan).catch((error: unknown) => {
          throw new Error(`${name}: ${error}`, { cause: error })
        })
        assert.deepEqual(invented(content, served), [], name)
        if (promised === 'served') assert.ok(isWhole(content, served), `not whole: ${name}; ${served.errors}`)
      }
      if (promised === 'detected') assert.ok(await isFound(world, files, told), `not found: ${name}`)
      tried[promised]++
    }
  }
  t.diagnostic(`flips: ${JSON.stringify(tried)}; seed ${seed}`)
})
