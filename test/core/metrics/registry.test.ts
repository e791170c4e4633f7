import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Counter, Registry } from 'prom-client'
import { HistogramCell } from '../../../src/core/metrics/cells.js'
import { noMetrics } from '../../../src/core/metrics/metrics.js'
import { MetricsRegistry } from '../../../src/core/metrics/registry.js'
import { percentile, since } from '../../../src/core/metrics/snapshot.js'
import { metricNames, metricsTable } from '../../../src/core/metrics/table.js'

test('names follow the conventions: mq_ in front, _total behind counters alone, the unit as the last word', () => {
  for (const name of metricNames) {
    const { kind, unit, buckets } = metricsTable[name]
    assert.match(name, /^mq_[a-z_]+$/)
    assert.equal(name.endsWith('_total'), kind === 'counter', name)
    if (unit === 'seconds' || unit === 'bytes' || unit === 'ratio') assert.match(name, new RegExp(`_${unit}(_total)?$`))
    assert.equal(buckets.length > 0, kind === 'histogram', name)
    assert.deepEqual(
      [...buckets],
      [...buckets].sort((a, b) => a - b),
    )
  }
})

test('a registry counts, and shows it as plain numbers', async () => {
  const metrics = new MetricsRegistry()
  metrics.counter('mq_flush_total', { layout: 'segments', result: 'ok' }).add(2)
  metrics.counter('mq_flush_total', { layout: 'segments', result: 'ok' }).add(1)
  metrics.counter('mq_flush_total', { layout: 'commitlog', result: 'ok' }).add(4)
  metrics.gauge('mq_connections', {}).add(3)
  metrics.gauge('mq_connections', {}).add(-1)
  metrics.histogram('mq_append_duration_seconds', {}).observe(0.0004)
  const snapshot = await metrics.snapshot()
  assert.equal(snapshot.value('mq_flush_total', { layout: 'segments' }), 3)
  assert.equal(snapshot.value('mq_flush_total', { result: 'ok' }), 7)
  assert.equal(snapshot.value('mq_flush_total', { result: 'failed' }), undefined)
  assert.equal(snapshot.value('mq_connections'), 2)
  assert.equal(snapshot.histogram('mq_append_duration_seconds')?.count, 1)
  assert.equal(snapshot.histogram('mq_fetch_duration_seconds'), undefined)
})

test('collectors are asked at each look alone, and what they no longer give is gone', async () => {
  const metrics = new MetricsRegistry()
  let topics = ['a', 'b']
  let looks = 0
  const stop = metrics.collect(async (figures) => {
    looks++
    for (const topic of topics) figures.put('mq_log_end_offset', 5, { topic, partition: '0' })
  })
  metrics.collect(() => {
    throw new Error('cannot tell')
  })
  const [first, second] = await Promise.all([metrics.snapshot(), metrics.snapshot()])
  assert.equal(first, second)
  assert.equal(looks, 1)
  assert.equal(first.value('mq_log_end_offset'), 10)
  topics = ['b']
  assert.deepEqual((await metrics.snapshot()).values.mq_log_end_offset, [
    { labels: { topic: 'b', partition: '0' }, value: 5 },
  ])
  stop()
  assert.equal((await metrics.snapshot()).value('mq_log_end_offset'), undefined)
})

test('the text has every metric with its help, kind and values', async () => {
  const metrics = new MetricsRegistry()
  metrics.histogram('mq_append_duration_seconds', {}).observe(0.2)
  metrics.counter('mq_refused_requests_total', { error: 'DISK_FULL' }).add(1)
  metrics.collect((figures) => figures.put('mq_consumer_lag', 3, { group: 'a "b"\\\n', topic: 't' }))
  const text = await metrics.text()
  for (const name of metricNames) assert.match(text, new RegExp(`# TYPE ${name} ${metricsTable[name].kind}`))
  assert.match(text, /mq_append_duration_seconds_bucket\{le="0.15"\} 0\n/)
  assert.match(text, /mq_append_duration_seconds_bucket\{le="0.25"\} 1\n/)
  assert.match(text, /mq_append_duration_seconds_bucket\{le="\+Inf"\} 1\n/)
  assert.match(text, /mq_append_duration_seconds_sum 0.2\nmq_append_duration_seconds_count 1\n/)
  assert.match(text, /mq_refused_requests_total\{error="DISK_FULL"\} 1\n/)
  assert.ok(text.includes('mq_consumer_lag{group="a \\"b\\"\\\\\\n",topic="t"} 3'))
  assert.equal(await metrics.contentType(), 'text/plain; version=0.0.4; charset=utf-8')
})

test("metrics appear in the user's registry beside his own, until they are closed", async () => {
  const registry = new Registry()
  const own = new Counter({ name: 'my_orders_total', help: 'Mine.', registers: [registry] })
  own.inc()
  const metrics = new MetricsRegistry(registry)
  metrics.counter('mq_rebalances_total', {}).add(1)
  assert.match(await registry.metrics(), /my_orders_total 1[\s\S]*mq_rebalances_total 1/)
  assert.match(await metrics.text(), /my_orders_total 1[\s\S]*mq_rebalances_total 1/)
  assert.ok((await registry.getMetricsAsJSON()).length > metricNames.length)
  assert.throws(() => new MetricsRegistry(registry), { code: 'INVALID_ARGUMENT' })
  metrics.close()
  assert.doesNotMatch(await registry.metrics(), /mq_/)
  new MetricsRegistry(registry).close()
})

test('no metrics count nothing, and ask nobody', () => {
  assert.equal(noMetrics.isOn, false)
  noMetrics.collect(() => assert.fail('asked'))()
  assert.equal(
    noMetrics.histogram('mq_append_duration_seconds', {}),
    noMetrics.histogram('mq_fetch_duration_seconds', { outcome: 'waited' }),
  )
})

test('a histogram puts every value into the first bucket that holds it', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 120, noNaN: true })), (values) => {
      const bounds = [0.5, 1, 10, 100]
      const cell = new HistogramCell(bounds)
      for (const value of values) cell.observe(value)
      const { counts, count } = cell.figures()
      assert.equal(count, values.length)
      for (const [bucket, bound] of bounds.entries()) {
        const upTo = counts.slice(0, bucket + 1).reduce((sum, inBucket) => sum + inBucket, 0)
        assert.equal(upTo, values.filter((value) => value <= bound).length)
      }
    }),
  )
})

test('a percentile lies in the bucket of the value that has this rank', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 120, noNaN: true }), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, rank) => {
        const bounds = [0.5, 1, 10, 100]
        const cell = new HistogramCell(bounds)
        for (const value of values) cell.observe(value)
        const ofRank = [...values].sort((a, b) => a - b)[Math.ceil(rank * values.length) - 1]
        const bucket = bounds.findIndex((bound) => ofRank <= bound)
        const found = percentile(cell.figures(), rank) ?? Number.NaN
        const [from, to] = bucket === -1 ? [100, 100] : [bounds[bucket - 1] ?? 0, bounds[bucket]]
        assert.ok(from <= found && found <= to, `${found} is not in [${from}, ${to}]`)
      },
    ),
  )
})

test('what came between two looks is their difference', () => {
  const cell = new HistogramCell([1, 2])
  cell.observe(1)
  const earlier = cell.figures()
  assert.equal(percentile(since(earlier, cell.figures()), 0.5), undefined)
  cell.observe(2)
  assert.deepEqual(since(earlier, cell.figures()), { bounds: [1, 2], counts: [0, 1, 0], sum: 2, count: 1 })
  assert.deepEqual(since(undefined, earlier), earlier)
})
