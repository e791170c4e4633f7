/** A tick a second out of the real registry, bounded history, growth, lag and advice, on a clock that is told to go on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import type { Advice, LiveTick } from '../../src/console/api-types.js'
import { silentLogger } from '../../src/core/logger.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import { resolveSettings } from '../../src/core/settings.js'
import type { KeptForever } from '../../src/monitoring/figures.js'
import { Sampler, type Watched } from '../../src/monitoring/sampler.js'
import { healthyDevice } from './advice/situations.js'

const gigabyte = 1e9

/** A broker that is told by its metrics alone. */
class Made {
  readonly clock = new ManualClock()
  readonly metrics = new MetricsRegistry()
  readonly flushes = this.metrics.histogram('mq_flush_duration_seconds', { policy: 'SYNC_FLUSH', layout: 'segments' })
  readonly perFlush = this.metrics.histogram('mq_messages_per_flush', { policy: 'SYNC_FLUSH', layout: 'segments' })
  readonly messages = this.metrics.counter('mq_appended_messages_total', {})
  readonly refusals = this.metrics.counter('mq_refused_requests_total', { error: 'MESSAGE_TOO_LARGE' })
  freeBytes = 900 * gigabyte
  lag = 0
  kept: readonly KeptForever[] = []
  poolDelayMs = 0
  isBroken = false
  probes = 0
  readonly sampler: Sampler

  constructor() {
    this.metrics.collect((figures) => {
      figures.put('mq_disk_size_bytes', 1000 * gigabyte, {})
      figures.put('mq_disk_free_bytes', this.freeBytes, {})
      figures.put('mq_store_size_bytes', 7, { layout: 'segments' })
      figures.put('mq_store_size_bytes', 5, { layout: 'commitlog' })
      figures.put('mq_consumer_lag', this.lag, { group: 'readers', topic: 'a' })
      figures.put('mq_consumer_lag', 1, { group: 'readers', topic: 'b' })
      figures.put('mq_consumer_lag', 9, { group: '(others)', topic: '(others)' })
    })
    const watched: Watched = {
      settings: resolveSettings(),
      path: '/data/log',
      poolThreads: 4,
      snapshot: async () => {
        if (this.isBroken) throw new Error('not now')
        return this.metrics.snapshot()
      },
      logs: () => ({}),
      keptForever: async () => this.kept,
      callOnPool: async () => {
        if (this.poolDelayMs > 0) await new Promise<void>((r) => this.clock.schedule(this.poolDelayMs, r))
      },
      host: async () => ({ openFilesLimit: null, memoryLockLimitBytes: null, fileSystem: null }),
      probe: async () => {
        this.probes++
        return healthyDevice
      },
    }
    this.sampler = new Sampler(watched, { clock: this.clock, logger: silentLogger })
    this.sampler.start()
  }

  /** Second by second; what `each` does belongs to that second. */
  async seconds(count: number, each: (second: number) => void = () => {}): Promise<void> {
    for (let i = 0; i < count; i++) {
      each(i)
      await this.clock.run(1000)
    }
  }

  now(): LiveTick {
    const tick = this.sampler.now
    assert.ok(tick)
    return tick
  }

  rules(): string[] {
    return this.sampler.advice.map(({ rule }) => rule)
  }
}

test('a tick tells the second: rates, percentiles of that second alone, and the moment', async () => {
  const made = new Made()
  assert.equal(made.sampler.now, null)
  await made.seconds(1)
  await made.seconds(1, () => {
    for (let i = 0; i < 100; i++) {
      made.flushes.observe(0.001)
      made.perFlush.observe(20)
    }
    made.messages.add(2000)
    made.refusals.add(3)
  })
  const busy = made.now()
  assert.equal(busy.messagesInPerSecond, 2000)
  assert.equal(busy.flushesPerSecond, 100)
  assert.equal(busy.messagesPerFlush, 20)
  assert.equal(busy.refusedPerSecond, 3)
  assert.ok(busy.flush.p50Ms !== null && busy.flush.p50Ms > 0.7 && busy.flush.p50Ms <= 1, String(busy.flush.p50Ms))
  assert.equal(busy.diskUsedRatio, 0.1)
  assert.equal(busy.openFiles, null)
  await made.seconds(1)
  const idle = made.now()
  assert.deepEqual(
    [idle.messagesInPerSecond, idle.flushesPerSecond, idle.messagesPerFlush, idle.flush.p99Ms],
    [0, 0, null, null],
  )
  assert.equal(idle.timeMs - busy.timeMs, 1000)
  await made.sampler.close()
})

test('an hour is kept, oldest first, and no more', async () => {
  const made = new Made()
  await made.seconds(3700, () => made.messages.add(1))
  const all = made.sampler.history(10_000)
  assert.equal(all.length, 3600)
  assert.ok(all.every((tick, i) => i === 0 || tick.timeMs - all[i - 1].timeMs === 1000))
  assert.deepEqual(made.sampler.history(3), all.slice(-3))
  assert.equal(all[all.length - 1], made.sampler.now)
  assert.equal(made.sampler.lagOverTime('readers').length, 360)
  await made.sampler.close()
})

test('listeners hear every tick and each look at the advice, until they have heard enough', async () => {
  const made = new Made()
  const ticks: LiveTick[] = []
  const looks: (readonly Advice[])[] = []
  const enough = made.sampler.onTick((tick) => ticks.push(tick))
  made.sampler.onAdvice((advice) => looks.push(advice))
  await made.seconds(21)
  assert.deepEqual([ticks.length, looks.length], [21, 3])
  enough()
  await made.seconds(5)
  assert.equal(ticks.length, 21)
  await made.sampler.close()
  await made.seconds(20)
  assert.equal(looks.length, 3)
  assert.equal(made.clock.scheduled, 0)
})

test('the growth of the disk and when it is full', async () => {
  const made = new Made()
  assert.equal(made.sampler.disk.fullAtMs, null)
  await made.seconds(900, () => {
    made.freeBytes -= (10 * gigabyte) / 3600
  })
  const { growthBytesPerHour, fullAtMs, storeBytes, path } = made.sampler.disk
  assert.ok(Math.abs(growthBytesPerHour - 10 * gigabyte) < gigabyte / 100, String(growthBytesPerHour))
  const hours = (Number(fullAtMs) - made.clock.now()) / 3_600_000
  assert.ok(Math.abs(hours - made.freeBytes / gigabyte / 10) < 0.1, String(hours))
  assert.deepEqual([storeBytes, path], [12, '/data/log'])
  await made.sampler.close()
})

test('the lag of a group over its topics, without those that are only known together', async () => {
  const made = new Made()
  await made.seconds(31, (second) => {
    made.lag = second
  })
  assert.deepEqual(
    made.sampler.lagOverTime('readers').map(({ lag }) => lag),
    // What was noted in the last second before each look, and the one message of the other topic.
    [1, 10, 20, 30],
  )
  assert.deepEqual(made.sampler.lagOverTime('(others)'), [])
  await made.sampler.close()
})

test('slow flushes are advised on within half a minute, and no more some minutes after they ended', async () => {
  const made = new Made()
  await made.seconds(10, () => made.flushes.observe(0.002))
  await made.seconds(40, () => made.flushes.observe(0.4))
  assert.deepEqual(made.rules(), ['flush-slow'])
  // The window of five minutes forgets, and then the advice waits for a minute.
  await made.seconds(420, () => made.flushes.observe(0.002))
  assert.deepEqual(made.rules(), [])
  await made.sampler.close()
})

test('a starved pool, a growing topic without retention and a group that falls behind are advised on', async () => {
  const made = new Made()
  made.poolDelayMs = 40
  await made.seconds(120)
  assert.deepEqual(made.rules(), ['pool-starved'])
  made.poolDelayMs = 0
  made.lag = 10_000
  await made.seconds(2400, (second) => {
    made.lag += 100
    made.kept = [{ topic: 'archive', sizeInBytes: second * 1e6 }]
  })
  assert.deepEqual(made.rules().sort(), ['group-behind', 'retention-off'])
  await made.sampler.close()
})

test('a second that cannot be seen is left out, and the next one is seen again', async () => {
  const made = new Made()
  await made.seconds(5)
  made.isBroken = true
  await made.seconds(5)
  made.isBroken = false
  await made.seconds(5, () => made.messages.add(10))
  const ticks = made.sampler.history(100)
  assert.equal(ticks.length, 10)
  // The first after the gap covers all of it.
  assert.ok(ticks.every(({ messagesInPerSecond }) => messagesInPerSecond >= 0))
  assert.equal(made.sampler.now?.messagesInPerSecond, 10)
  await made.sampler.close()
})

test('the device is probed once', async () => {
  const made = new Made()
  await made.seconds(300)
  assert.equal(made.probes, 1)
  assert.equal(made.sampler.device, healthyDevice)
  await made.sampler.close()
})
