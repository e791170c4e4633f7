/** A real broker behind something that lies to its clients: the checker names the lie. */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { dice } from '../crash/seeded.js'
import { check } from './checker.js'
import { killAndRecord } from './kill-and-record.js'
import { type Lie, startLyingProxy } from './lying-proxy.js'

const lies: Record<Lie, string> = {
  'acknowledges-unstored': 'acknowledged-lost',
  'commits-an-older-offset': 'committed-goes-back',
}

// A client that lost its broker may keep timers, and the process, for ever.
after(() => void setTimeout(() => process.exit(), 2000))

for (const [lie, rule] of Object.entries(lies) as [Lie, string][]) {
  test(`one who ${lie} is caught: ${rule}`, { timeout: 200_000 }, async (t) => {
    const directory = await makeTemporaryDirectory('holdfast-history-')
    try {
      const history = await killAndRecord({
        dataDir: directory.path,
        kills: 1,
        dice: dice(1),
        settings: {},
        lifeMs: { from: 3000, to: 3000 },
        front: (port) => startLyingProxy(port, lie),
      })
      const rules = new Set(check(history).map((violation) => violation.rule))
      t.diagnostic([...rules].join(', '))
      assert.ok(rules.has(rule))
    } finally {
      await directory.remove()
    }
  })
}
