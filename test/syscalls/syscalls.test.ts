/**
 * System calls of the real program fail, a few of them, drawn by a seed: whoever waits is told why, and nothing that was
 * acknowledged is lost. `npm run test:syscalls` goes through all. The control keeps errors to itself, and is caught.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dice, seedFor } from '../crash/seeded.js'
import { Campaign, type Face, type Point } from './campaign.js'
import { allFaults } from './faults.js'
import { type Fault, faultText, withoutShim } from './shim.js'
import type { WorldName } from './worlds.js'

const skip = withoutShim()
const seed = seedFor('HOLDFAST_SEED')

const drawn: readonly { face: Face; world: WorldName; count: number }[] = [
  { face: 'embedded', world: 'segments', count: 3 },
  { face: 'embedded', world: 'commitlog-mmap', count: 2 },
  { face: 'served', world: 'segments', count: 1 },
]

for (const { face, world, count } of drawn) {
  test(`${face}, ${world}: a failed call is answered, and takes nothing that was acknowledged`, { skip }, async (t) => {
    const draw = dice(seed)
    const campaign = new Campaign(world, face)
    try {
      // A disk that is slow takes long, and `test/load` has it.
      const faults = allFaults(await campaign.begin()).filter(({ how }) => how !== 'slow')
      for (let drawnSoFar = 0; drawnSoFar < count; drawnSoFar++) {
        const point: Point = {
          fault: faults[draw.between(0, faults.length - 1)],
          end: drawnSoFar === count - 1 ? 'kill' : 'close',
        }
        const { broken, fired, where } = await campaign.run(point)
        const again = `npm run test:syscalls -- --face ${face} --world ${world} --fault ${faultText(point.fault)} --end ${point.end}`
        assert.deepEqual(broken, [], `${again} (HOLDFAST_SEED=${seed}; ${where})`)
        t.diagnostic(`${faultText(point.fault)}: ${fired} failed`)
      }
    } finally {
      await campaign.end()
    }
  })
}

test('a program that keeps a failed write to itself is caught', { skip }, async () => {
  const campaign = new Campaign('segments', 'embedded', { swallows: true })
  try {
    const { write } = await campaign.begin()
    const fault: Fault = { call: 'write', how: 'fail', error: 'EIO', nth: Math.floor(write / 4), times: 0 }
    const { broken, fired } = await campaign.run({ fault, end: 'close' })
    assert.ok(fired > 0)
    assert.match(broken.join('\n'), /promised at/)
  } finally {
    await campaign.end()
  }
})
