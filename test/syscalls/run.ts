/**
 * Every system call of a life fails, in every way, at its every turn: `npm run test:syscalls`. One of them again:
 * `npm run test:syscalls -- --world segments --face served --fault write:EIO:3 --end kill`.
 */

import { parseArgs } from 'node:util'
import { bundle } from '../../scripts/bundle.js'
import { bundledPrograms, bundleVariable } from '../support/child-program.js'
import { Campaign, type Face, type Point } from './campaign.js'
import { allFaults } from './faults.js'
import { type CallName, type Fault, faultOf, faultText, withoutShim } from './shim.js'
import { type WorldName, worldNames } from './worlds.js'

const { values } = parseArgs({
  options: {
    world: { type: 'string' },
    face: { type: 'string' },
    fault: { type: 'string' },
    call: { type: 'string' },
    end: { type: 'string' },
    /** One of so many faults, the `from`th first. */
    share: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
})

if (withoutShim() !== false) process.exit(2)
process.env[bundleVariable] = (await bundle(bundledPrograms)).directory

const sums = { faults: 0, fired: 0, promised: 0, broken: 0 }
for (const face of values.face === undefined ? (['embedded', 'served'] as const) : [values.face as Face]) {
  for (const world of values.world === undefined ? worldNames : [values.world as WorldName]) await sweep(world, face)
}
console.log(JSON.stringify(sums))
if (sums.broken > 0) process.exitCode = 1

async function sweep(world: WorldName, face: Face): Promise<void> {
  const began = performance.now()
  const campaign = new Campaign(world, face)
  try {
    const seen = await campaign.begin()
    const counted = Object.entries(seen).filter(([, count]) => count > 0)
    console.log(`${face} ${world}: ${counted.map(([name, count]) => `${count} ${name}`).join(', ')}`)
    const byCall = new Map<CallName, { fired: number; broken: number }>()
    for (const [index, fault] of chosen(allFaults(seen)).entries()) {
      const point: Point = { fault, end: (values.end as Point['end']) ?? (index % 10 === 9 ? 'kill' : 'close') }
      const { fired, broken, promised, where } = await campaign.run(point)
      const sum = byCall.get(fault.call) ?? { fired: 0, broken: 0 }
      byCall.set(fault.call, sum)
      sums.faults++
      sums.promised += promised
      if (fired > 0) {
        sums.fired++
        sum.fired++
      }
      if (broken.length === 0) continue
      sums.broken++
      sum.broken++
      const again = `--face ${face} --world ${world} --fault ${faultText(fault)} --end ${point.end}`
      console.error(`\nBROKEN: ${again} (${where})\n${broken.join('\n')}`)
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    const calls = [...byCall].map(
      ([call, { fired, broken }]) => `${call} ${fired}${broken > 0 ? ` (${broken} broken)` : ''}`,
    )
    console.log(`${face} ${world}: fired: ${calls.join(', ')}; ${seconds} s`)
  } finally {
    await campaign.end()
  }
}

function chosen(all: readonly Fault[]): readonly Fault[] {
  if (values.fault !== undefined) return [faultOf(values.fault)]
  const share = Number(values.share)
  return all
    .filter(({ call }) => values.call === undefined || call === values.call)
    .filter((_, index) => index % share === Number(values.from) % share)
}
