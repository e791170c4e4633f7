/** The fuzzer finds a planted bug by coverage, which as many blind inputs do not find. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Coverage } from '../../fuzz/coverage.js'
import { Fuzzer } from '../../fuzz/fuzzer.js'
import type { Target } from '../../fuzz/target.js'
import { planted } from './planted.js'

const inputs = 400_000
const target: Target = {
  name: 'planted',
  files: ['test/fuzz/planted'],
  seeds: [Buffer.alloc(8)],
  run: planted,
  allows: () => false,
}

function findingsOf(coverage: Coverage | undefined): Buffer[] {
  const fuzzer = new Fuzzer(target, [], 7, coverage)
  while (fuzzer.inputs < inputs && fuzzer.findings.size === 0) fuzzer.batch(2000)
  return [...fuzzer.findings.values()].map(({ bytes }) => bytes)
}

describe('fuzzing by coverage', () => {
  it('finds a bug behind four bytes, each a branch of its own, and makes the input small', () => {
    const coverage = new Coverage(target.files)
    const found = findingsOf(coverage)
    coverage.close()
    assert.deepEqual(found, [Buffer.from([0x51, 0xa7, 0x3c, 0xe9])])
  })

  it('does not find it blindly with as many inputs', () => {
    assert.deepEqual(findingsOf(undefined), [])
  })
})
