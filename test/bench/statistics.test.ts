/** What the benchmarks say about their rounds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Latencies } from '../../bench/harness/latencies.js'
import { median, spreadOf } from '../../bench/harness/statistics.js'

test('the median is the middle, or the mean of the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 3, 2]), 2.5)
})

test('the spread holds the median, lies within the rounds, and is the same for the same rounds', () => {
  const rounds = [0.9, 1.1, 1.0, 0.95, 1.3, 0.97, 1.02]
  const spread = spreadOf(rounds)
  assert.deepEqual(spread, spreadOf(rounds))
  assert.equal(spread.min, 0.9)
  assert.equal(spread.max, 1.3)
  assert.ok(spread.min <= spread.low && spread.low < median(rounds))
  assert.ok(median(rounds) < spread.high && spread.high <= spread.max)
})

test('rounds that agree leave no spread', () => {
  assert.deepEqual(spreadOf([2, 2, 2]), { low: 2, high: 2, min: 2, max: 2 })
})

test('percentiles are those of the recorded latencies, to about 2 %', () => {
  const latencies = new Latencies()
  for (let i = 1; i <= 10_000; i++) latencies.record(i / 100)
  assert.equal(latencies.count, 10_000)
  for (const [percent, expected] of [
    [50, 50],
    [99, 99],
    [99.9, 99.9],
  ]) {
    const found = latencies.percentile(percent)
    assert.ok(Math.abs(found - expected) / expected < 0.025, `p${percent} is ${found}, should be about ${expected}`)
  }
})

test('a latency below a microsecond and one above the last bucket are counted', () => {
  const latencies = new Latencies()
  latencies.record(0)
  latencies.record(1e9)
  assert.equal(latencies.count, 2)
  assert.ok(latencies.percentile(100) > 50_000)
})
