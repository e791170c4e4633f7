/** murmur2 against Kafka's own vectors and kafkajs, and the sticky choice. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { murmur2, nextSticky, partitionOfKey } from '../../src/client/partitioner.js'
import { systemRandomness } from '../../src/core/randomness.js'

const require = createRequire(import.meta.url)
const theirs = require('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number
const { Partitioners } = require('kafkajs') as typeof import('kafkajs')

describe('murmur2', () => {
  it('gives what UtilsTest.java of Kafka expects', () => {
    const vectors: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ]
    for (const [text, hash] of vectors) assert.equal(murmur2(Buffer.from(text)), hash, text)
  })

  it('agrees with kafkajs on any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 70 })
    fc.assert(
      fc.property(bytes, (key) => murmur2(key) === theirs(Buffer.from(key))),
      { numRuns: 2000 },
    )
  })

  it('leads to the partition that kafkajs chooses', () => {
    const choose = Partitioners.DefaultPartitioner()
    const input = [fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 50 })] as const
    fc.assert(
      fc.property(...input, (key, partitions) => {
        const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
          partitionId,
          leader: 0,
          partitionErrorCode: 0,
          replicas: [],
          isr: [],
        }))
        const chosen = choose({ topic: 't', partitionMetadata, message: { key: Buffer.from(key), value: null } })
        return partitionOfKey(key, partitions) === chosen
      }),
    )
  })
})

describe('the sticky partition', () => {
  it('is any other one next', () => {
    for (let current = 0; current < 4; current++) {
      const seen = new Set(Array.from({ length: 300 }, () => nextSticky(current, 4, systemRandomness)))
      assert.deepEqual(
        [...seen].sort(),
        [0, 1, 2, 3].filter((partition) => partition !== current),
      )
    }
  })

  it('stays where there is one only', () => {
    assert.equal(nextSticky(0, 1, systemRandomness), 0)
  })
})
