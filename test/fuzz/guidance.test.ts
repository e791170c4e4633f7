/** The controls of the fuzzer: a planted bug is found by coverage, which as many blind inputs do not find; and an input that never ends. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Coverage } from '../../fuzz/coverage.js'
import { Fuzzer } from '../../fuzz/fuzzer.js'
import { Mutator } from '../../fuzz/mutator.js'
import type { Target } from '../../fuzz/target.js'

const plantedUrl = pathToFileURL(join(import.meta.dirname, 'planted.mjs')).href
const { planted } = (await import(plantedUrl)) as { planted(bytes: Uint8Array): void }

const inputs = 400_000
const target: Target = {
  name: 'planted',
  files: ['test/fuzz/planted'],
  seeds: [Buffer.alloc(8)],
  run: planted,
  allows: () => false,
}

async function findingsOf(coverage: Coverage | undefined): Promise<Buffer[]> {
  const fuzzer = new Fuzzer(target, [], 7, coverage)
  await fuzzer.begin()
  while (fuzzer.inputs < inputs && fuzzer.findings.size === 0) await fuzzer.batch(2000)
  return [...fuzzer.findings.values()].map(({ bytes }) => bytes)
}

describe('fuzzing by coverage', () => {
  it('finds a bug behind four bytes, each a branch of its own, and makes the input small', async () => {
    const coverage = new Coverage(target.files)
    assert.deepEqual(await findingsOf(coverage), [Buffer.from([0x51, 0xa7, 0x3c, 0xe9])])
    const { ran, all } = coverage.characters
    assert.equal(ran, all)
  })

  it('does not find it blindly with as many inputs', async () => {
    assert.deepEqual(await findingsOf(undefined), [])
  })
})

it('an input is made again from the number before it, and none is longer than is allowed', () => {
  const corpus = [Buffer.alloc(20, 1), Buffer.from('words'), Buffer.alloc(0)]
  const mutator = new Mutator(3, ['word'], 24)
  const made = Array.from({ length: 3000 }, () => ({ state: mutator.state, bytes: Buffer.from(mutator.next(corpus)) }))
  for (const { state, bytes } of made.reverse()) {
    mutator.state = state
    assert.deepEqual(mutator.next(corpus), bytes)
    assert.ok(bytes.length <= 24)
  }
})

it('an input that never ends is written down, and ends the run', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'))
  try {
    const script = join(import.meta.dirname, 'endless.ts')
    const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, directory], { encoding: 'utf8' })
    assert.equal(signal, 'SIGKILL')
    assert.match(stderr, /HANGS: .*--target endless --input/)
    assert.deepEqual(readFileSync(join(directory, 'endless-hangs.bin')), Buffer.from([1, 0, 7]))
  } finally {
    rmSync(directory, { recursive: true })
  }
})
