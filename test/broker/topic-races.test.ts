/** A topic that goes, or comes again as another one, while a batch for it is being taken in. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { Broker } from '../../src/broker/broker.js'
import { HoldfastError } from '../../src/core/errors.js'
import { buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'

test('a batch for a topic that is being deleted is refused as for one that is not there', async () => {
  await prepareCodec('gzip')
  const settings = { 'mapped.file.size.commitlog': 1 << 16, 'max.hash.slot.num': 10, 'max.index.num': 10 }
  const broker = await Broker.open('/data', { disk: new MemoryDisk(), settings })
  const { bytes } = buildBatch([{ value: Buffer.from('x'.repeat(100)), timestamp: 1 }], { codec: 'gzip' })
  const layouts = ['commitlog', 'segments', 'commitlog']
  for (const layout of layouts) {
    await broker.createTopic({ name: 't', config: { 'storage.layout': layout } })
    let gone = false
    const deleted = broker.deleteTopic('t').then(() => {
      gone = true
    })
    while (!gone) {
      await broker.produce({ topic: 't', partition: 0, batch: Buffer.from(bytes) }).catch((error: unknown) => {
        assert.ok(error instanceof HoldfastError)
        assert.ok(['UNKNOWN_TOPIC_OR_PARTITION', 'CLOSED'].includes(error.code), error.message)
      })
      await new Promise((resolve) => setImmediate(resolve))
    }
    await deleted
  }
  await broker.close()
})
