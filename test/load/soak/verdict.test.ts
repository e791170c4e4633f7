/** A soak notices what grows: made-up figures, and a real program that leaks. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { temporaryDirectory } from '../../storage/support.js'
import { scaled, skipElsewhere } from '../world.js'
import { type Sample, sampler } from './samples.js'
import { judge } from './verdict.js'

const mib = 1024 * 1024

function madeUp(memoryAt: (second: number) => number): Sample[] {
  return Array.from({ length: 1200 }, (_, seconds) => ({
    seconds,
    residentBytes: 100 * mib,
    ownBytes: memoryAt(seconds) * mib,
    openFiles: 50,
    threads: 20,
    files: 100 + (seconds % 60),
    storedBytes: (50 + (seconds % 100)) * mib,
  }))
}

const grown = (samples: readonly Sample[]): string[] =>
  judge(samples)
    .filter(({ isFlat }) => !isFlat)
    .map(({ name }) => name)

test('saw teeth, outliers and a slow start are flat; three mebibytes a minute are not', () => {
  assert.deepEqual(grown(madeUp((second) => 80 + (second % 37))), [])
  assert.deepEqual(grown(madeUp((second) => (second % 101 === 0 ? 500 : 80))), [])
  assert.deepEqual(grown(madeUp((second) => Math.min(300, second * 2))), [])
  assert.deepEqual(grown(madeUp((second) => 80 + (second % 37) + second / 20)), ['own memory'])
  assert.deepEqual(grown(madeUp((second) => 80 - second / 20)), [])
})

async function samplesOf(t: TestContext, what: string): Promise<Sample[]> {
  const dataDir = await temporaryDirectory(t)
  const program = join(import.meta.dirname, 'leaking-broker.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', program, dataDir, what], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    await once(createInterface({ input: child.stdout }), 'line')
    const take = sampler({ pid: child.pid ?? 0, dataDir })
    const samples: Sample[] = []
    for (let at = 0; at < scaled(40, 120); at++) {
      await pause(250)
      samples.push(await take())
    }
    return samples
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

test('a broker that leaks memory or descriptors is found out, and one that does not is not', {
  skip: skipElsewhere,
}, async (t) => {
  const [memory, descriptors, nothing] = await Promise.all(
    ['memory', 'descriptors', 'nothing'].map((what) => samplesOf(t, what)),
  )
  // What the kernel counts as resident it may have taken away elsewhere in the process meanwhile.
  assert.deepEqual(
    grown(memory).filter((what) => what !== 'resident memory'),
    ['own memory'],
  )
  assert.deepEqual(grown(descriptors), ['open files'])
  assert.deepEqual(grown(nothing), [])
})
