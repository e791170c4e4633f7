import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import type { Clock } from '../../src/core/clock.js'
import { noMetrics } from '../../src/core/metrics/metrics.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import { durableCalls, poolSize } from '../../src/files/gate.js'
import { watchProcess } from '../../src/files/process-metrics.js'

test('the process tells its memory, CPU time and descriptors, until it is told to stop', async () => {
  const metrics = new MetricsRegistry()
  const stop = watchProcess(metrics, new ManualClock())
  const snapshot = await metrics.snapshot()
  const resident = snapshot.value('mq_memory_bytes', { kind: 'resident' }) ?? 0
  assert.ok(resident > (snapshot.value('mq_memory_bytes', { kind: 'heap' }) ?? 0))
  assert.ok((snapshot.value('mq_cpu_seconds_total') ?? 0) > 0)
  assert.ok((snapshot.value('mq_event_loop_active_seconds_total') ?? 0) > 0)
  if (existsSync('/proc/self/fd')) assert.ok((snapshot.value('mq_open_files') ?? 0) > 2)
  stop()
  assert.equal((await metrics.snapshot()).value('mq_memory_bytes'), undefined)
})

test('a timer that runs late tells the delay of the event loop', async () => {
  const clock = new ManualClock()
  let lateMs = 0
  const busy: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + lateMs,
    schedule: (delayMs, task) => clock.schedule(delayMs, task),
    soon: (task) => clock.soon(task),
  }
  const metrics = new MetricsRegistry()
  const stop = watchProcess(metrics, busy)
  const delays = async () => (await metrics.snapshot()).histogram('mq_event_loop_delay_seconds')
  await clock.run(100)
  assert.deepEqual([(await delays())?.count, (await delays())?.sum], [1, 0])
  lateMs = 300
  await clock.run(100)
  assert.deepEqual([(await delays())?.count, (await delays())?.sum], [2, 0.3])
  stop()
  assert.equal(clock.scheduled, 0)
})

test('calls that wait for a thread are told', async () => {
  const metrics = new MetricsRegistry()
  const stop = watchProcess(metrics, new ManualClock())
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const calls = Array.from({ length: poolSize() + 2 }, () => durableCalls().run(() => opened))
  assert.equal(
    (await metrics.snapshot()).value('mq_durable_calls_waiting'),
    poolSize() + 2 - Math.max(1, poolSize() - 1),
  )
  open()
  await Promise.all(calls)
  assert.equal((await metrics.snapshot()).value('mq_durable_calls_waiting'), 0)
  stop()
})

test('where nobody counts there is no timer', () => {
  const clock = new ManualClock()
  watchProcess(noMetrics, clock)()
  assert.equal(clock.scheduled, 0)
})
