/** Lets the simulator of a copy look for a broken promise, and reads what it says. */

import { spawn } from 'node:child_process'
import { systemClock } from '../../src/core/clock.js'
import { faultKinds } from '../plan.js'
import type { Mutant } from './list.js'
import { inCopy } from './planting.js'

export interface Seeds {
  readonly from: number
  readonly count: number
  readonly jobs: number
}

export interface Hunt {
  /** Undefined where every world kept its promises. */
  readonly found: { readonly seed: number; readonly rule: string } | undefined
  readonly worlds: number
  readonly crashes: number
  readonly seconds: number
}

/** Without calls that fail: what breaks then has no other reason than the bug. */
const narrowing = JSON.stringify({ without: faultKinds })

/**
 * Runs as many worlds with the bug, or with the unchanged engine, up to the first that breaks a promise. `world`: of one node
 * where absent, or of several.
 */
export function hunt(mutant: Mutant | undefined, seeds: Seeds, world = mutant?.world): Promise<Hunt> {
  return inCopy(mutant, async (directory) => {
    const beganMs = systemClock.monotonic()
    const { code, text } = await simulated(directory, seeds, world)
    const seconds = (systemClock.monotonic() - beganMs) / 1000
    const sums = [...text.matchAll(/^(\d+) of \d+ worlds from seed \d+: (\d+) crashes/gm)].at(-1)
    const seed = /^BROKEN by seed (\d+): /m.exec(text)?.[1]
    const rule = /^BROKEN \d+ times: (.+)$/m.exec(text)?.[1]
    const isFound = code === 1 && seed !== undefined && rule !== undefined
    if (sums === undefined || (code !== 0 && !isFound)) {
      throw new Error(`The simulator with ${mutant?.name ?? 'the unchanged engine'} ended by ${code}:\n${text}`)
    }
    const found = isFound ? { seed: Number(seed), rule } : undefined
    return { found, worlds: Number(sums[1]), crashes: Number(sums[2]), seconds }
  })
}

function simulated(
  directory: string,
  { from, count, jobs }: Seeds,
  world: Mutant['world'],
): Promise<{ code: number | null; text: string }> {
  const kind = world === undefined ? ['--narrow', narrowing] : [`--${world}`]
  const options = ['--seeds', count, '--from', from, '--jobs', jobs, '--first', '--whole', ...kind]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'sim/run.ts', ...options.map(String)], { cwd: directory })
    let text = ''
    const hear = (chunk: Buffer): void => {
      text += chunk.toString()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, text }))
  })
}
