/** Producers that are faster than the disk: they are slowed down, all are answered, and memory stays in its budget. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeResponse } from '../../src/kafka/messages.js'
import { produce } from '../../src/kafka/schemas/index.js'
import { batchOf, produceBody } from '../kafka/server/served.js'
import { withoutStrace } from '../support/tools.js'
import { assertPeak, createTopic, figuresOf, forgetPeak, loadWorld, mib, scaled, skipElsewhere } from './world.js'

/** Each durable write takes so long, as on a disk that is busy with others. */
const delayUs = 20_000
const strace = [
  'strace',
  '-f',
  '-qq',
  '--seccomp-bpf',
  '-o',
  '/dev/null',
  '-e',
  'trace=pwrite64,pwritev,pwritev2,fdatasync,msync',
  '-e',
  `inject=pwrite64,pwritev,pwritev2,fdatasync,msync:delay_enter=${delayUs}`,
]

for (const layout of ['segments', 'commitlog']) {
  test(`${layout}: senders that are faster than the disk wait, and nobody is dropped`, {
    skip: skipElsewhere || withoutStrace(),
  }, async (t) => {
    const budget = scaled(8, 64) * mib
    const settings = { 'queued.max.request.bytes': budget, 'flush.commitlog.timeout': 600_000 }
    const world = await loadWorld(t, { settings, wrapper: strace })
    await createTopic(world, 'orders', 1, { 'storage.layout': layout })
    forgetPeak(world.broker.pid)
    const start = figuresOf(world.broker.pid).memoryBytes
    const batch = batchOf(Buffer.alloc(500_000))
    const clients = await world.clients(20)
    // Six times the budget at once.
    const each = Math.ceil((6 * budget) / batch.length / clients.length)
    for (const client of clients)
      for (let at = 0; at < each; at++) client.send(produce, 9, produceBody('orders', batch))
    const offsets: number[] = []
    for (const client of clients) {
      for (let at = 0; at < each; at++) {
        const { topics } = decodeResponse(produce, 9, await client.answer()).body
        assert.equal(topics[0].partitions[0].errorCode, 0)
        offsets.push(Number(topics[0].partitions[0].baseOffset))
      }
    }
    assert.deepEqual(
      offsets.toSorted((a, b) => a - b),
      offsets.map((_, at) => at),
    )
    // Files that are mapped for reading count too: the commit log maps what it writes.
    const written = offsets.length * batch.length
    const most = assertPeak(world.broker.pid, start + budget + (layout === 'commitlog' ? written : 0) + 64 * mib)
    t.diagnostic(`${Math.round(written / mib)} MiB offered at once, ${budget / mib} MiB in work, at most ${most} MiB`)
  })
}
