/** `holdfast promote`, over the control socket of the node that is to lead, with real processes. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { open } from '../../src/index.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { until } from '../support/until.js'

const promote = (data: string) => runProgram(process.execPath, [holdfast, 'promote', '--data', data, '--json'])

test('the node that is asked leads, and says in which epoch; one that is alone, or not there, says so', async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-promote-')
  t.after(() => directory.remove())
  const [one, two, alone] = ['one', 'two', 'alone'].map((name) => join(directory.path, name))
  const settings = { 'replication.mode': 'sync' }
  const first = await serve(one, { settings })
  t.after(() => first.end('SIGKILL'))
  const replica = { ...settings, 'node.id': 2, 'replica.of': first.address }
  const second = await serve(two, { settings: replica })
  t.after(() => second.end('SIGKILL'))
  await using mq = await open(`kafka://${first.address},${second.address}`)
  await mq.send('orders', { value: 'before' })

  let said = await promote(two)
  await until('it is in sync, and takes the lead', async () => {
    if (said.code === 0) return true
    assert.match(said.stderr, /REPLICATION_UNAVAILABLE|INVALID_REQUEST/)
    said = await promote(two)
    return said.code === 0
  })
  const { nodeId, epoch } = JSON.parse(String(said.stdout)) as { nodeId: number; epoch: number }
  assert.equal(nodeId, 2)
  assert.ok(epoch > 1)
  assert.equal((await mq.send('orders', { value: 'after' })).offset, 1)
  // Of the one that leads it changes nothing.
  assert.deepEqual(JSON.parse(String((await promote(two)).stdout)), { nodeId, epoch })

  const lone = await serve(alone)
  t.after(() => lone.end('SIGKILL'))
  assert.match((await promote(alone)).stderr, /INVALID_REQUEST|is alone/)
  await lone.end('SIGKILL')
  assert.match((await promote(alone)).stderr, /CONNECTION_FAILED|serves/)
})
