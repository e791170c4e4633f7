/** Every input that is kept, and some fresh ones, through every decoder of bytes from outside. */

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { readCorpus } from '../../fuzz/corpus.js'
import { Fuzzer } from '../../fuzz/fuzzer.js'
import { judge } from '../../fuzz/target.js'
import { closeDoors } from '../../fuzz/targets/doors.js'
import { targets } from '../../fuzz/targets/index.js'
import { systemRandomness } from '../../src/core/randomness.js'

describe('fuzzing', () => {
  after(closeDoors)

  for (const target of targets) {
    it(`${target.name} keeps its rules for the corpus and for fresh inputs`, async () => {
      await target.prepare?.()
      const corpus = readCorpus(target.name)
      for (const bytes of corpus) {
        assert.equal(await judge(target, Buffer.from(bytes)), undefined, bytes.toString('hex'))
      }
      const seed = systemRandomness.below(2 ** 30)
      const fuzzer = new Fuzzer(target, corpus, seed, undefined)
      await fuzzer.begin()
      await fuzzer.batch(target.isSlow === true ? 5 : 500)
      const found = [...fuzzer.findings.values()].map(({ message, bytes }) => `${message}: ${bytes.toString('hex')}`)
      assert.deepEqual(found, [], `npm run fuzz -- --target ${target.name} --seed ${seed}`)
    })
  }
})
