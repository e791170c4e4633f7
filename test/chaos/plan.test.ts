/** A plan is repeated by its seed, and a long one has everything in it, on everybody whom it can be on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultKinds, plan } from './plan.js'

const halfAnHour = 30 * 60_000

test('a seed repeats its plan, and another one makes another', () => {
  assert.deepEqual(plan(7, halfAnHour), plan(7, halfAnHour))
  assert.notDeepEqual(plan(7, halfAnHour), plan(8, halfAnHour))
})

test('each kind of fault comes, on who leads, on replicas and on etcd, some of them at a time', () => {
  const planned = plan(1, halfAnHour)
  assert.deepEqual(new Set(planned.map(({ kind }) => kind)), new Set(faultKinds))
  assert.deepEqual(new Set(planned.map(({ target }) => target)), new Set(['primary', 'replica', 'etcd']))
  const together = planned.filter(({ atMs }, i) => i > 0 && atMs < planned[i - 1].atMs + planned[i - 1].forMs)
  assert.ok(together.length > planned.length / 5 && together.length < planned.length / 2, `${together.length} overlap`)
  assert.ok(planned.every(({ atMs }, i) => i === 0 || atMs >= planned[i - 1].atMs))
})
