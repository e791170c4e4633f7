/** `holdfast serve` after a power failure of the whole site: the node is there before etcd is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { open } from '../../src/index.js'
import { Etcd, withoutEtcd } from '../support/etcd.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

const skip = withoutEtcd()

test('a node that is started before etcd serves, says what it waits for, and leads when etcd is there', {
  skip,
}, async (t) => {
  const [directory, etcd] = await Promise.all([makeTemporaryDirectory('holdfast-before-etcd-'), Etcd.start()])
  t.after(() => directory.remove())
  t.after(() => etcd.stop())
  await etcd.nodes[0].kill()
  const settings = { 'node.id': 1, 'replication.mode': 'sync', 'replication.etcd': etcd.urls[0] }
  const node = await serve(directory.path, { settings })
  assert.match(String(node.ready['waitsFor']), /etcd does not answer .*ECONNREFUSED/)
  await using mq = await open(`kafka://${node.address}`)
  const sent = mq.send('orders', { value: 'sent before etcd was there' })
  etcd.nodes[0].start()
  const { offset } = await sent
  assert.equal(offset, 0)
  assert.match(node.stderr(), /this node waits for etcd, and does not lead before/)
  assert.equal(await node.end('SIGTERM'), 0)
})

test('an address that is none is refused at once', async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-no-etcd-')
  t.after(() => directory.remove())
  const sets = ['node.id=1', 'replication.mode=sync', 'replication.etcd=127.0.0.1:2379']
  const args = sets.flatMap((set) => ['--set', set])
  const { code, stderr } = await runProgram(process.execPath, [
    holdfast,
    ...['serve', '--data', directory.path, '--listen', '127.0.0.1:0', ...args],
  ])
  assert.notEqual(code, 0)
  assert.match(stderr, /"127\.0\.0\.1:2379" is no endpoint of etcd/)
})
