/** What is counted of connections and requests. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricsRegistry } from '../../../src/core/metrics/registry.js'
import { until } from '../../support/until.js'
import { serve } from './served.js'

test('connections and requests are counted, and what ends a connection is a refusal', async (t) => {
  const metrics = new MetricsRegistry()
  const { remote, raw } = await serve(t, {}, { metrics })
  const client = await remote()
  await client.describeTopics(null)
  const before = await metrics.snapshot()
  assert.ok((before.value('mq_connections') ?? 0) >= 1)
  assert.ok((before.value('mq_requests_total', { api: 'ApiVersions' }) ?? 0) >= 1)
  assert.ok((before.value('mq_requests_total', { api: 'Metadata' }) ?? 0) >= 1)
  const opened = before.value('mq_connections_opened_total') ?? 0
  const broken = await raw()
  // An API key that nobody has.
  broken.socket.write(Buffer.from([0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]))
  await broken.closed
  await client.close()
  await until('all connections are closed', async () => (await metrics.snapshot()).value('mq_connections') === 0)
  const after = await metrics.snapshot()
  assert.equal(after.value('mq_connections_opened_total'), opened + 1)
  assert.equal(after.value('mq_refused_requests_total', { error: 'UNSUPPORTED_VERSION' }), 1)
})
