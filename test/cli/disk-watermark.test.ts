/** A served broker on a small disk that fills up: first old messages make room for new ones, then new ones are refused. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HoldfastError } from '../../src/core/errors.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { batchesIn } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { serve } from '../support/served-broker.js'
import { mountSmallDisk, withoutTmpfs } from '../support/tmpfs.js'
import { until } from '../support/until.js'

const skip = withoutTmpfs()
const messageBytes = 100_000

test('old segments make room; where nothing may go messages are refused, and taken again once there is room', {
  skip,
  timeout: 120_000,
}, async () => {
  const disk = await mountSmallDisk('24m')
  const broker = await serve(join(disk.path, 'data'), {
    settings: { 'log.segment.bytes': 1 << 20, 'file.preallocate': 'none' },
  })
  const service = await RemoteBroker.connect(broker.address)
  try {
    const used = async () => {
      const { freeBytes, totalBytes } = (await nodeDisk.space(disk.path)) ?? { freeBytes: 0, totalBytes: 1 }
      return 100 * (1 - freeBytes / totalBytes)
    }
    const send = (topic: string, bytes = messageBytes) => {
      const record = { key: Buffer.from('k'), value: Buffer.alloc(bytes, '.'), timestamp: Date.now() }
      return service.produce({ topic, partition: 0, batch: buildBatch([record]).bytes })
    }
    const describe = async (topic: string) => (await service.describeTopics([topic]))[0].partitions[0]

    await service.createTopic({ name: 'stream', partitions: 1 })
    // More than fits, with a pause above the first mark, since the check comes every other second.
    for (let sent = 0; sent < 280; sent++) {
      if ((await used()) > 93) await until('old segments to go', async () => (await used()) <= 85)
      await send('stream')
    }
    const { logStartOffset, highWatermark } = await describe('stream')
    assert.equal(highWatermark, 280)
    assert.ok(logStartOffset > 20, `it begins at ${logStartOffset}`)
    const position = { topic: 'stream', partition: 0, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
    const read = async (offset: number) => {
      const [found] = await service.fetch({
        positions: [{ ...position, offset }],
        maxBytes: 1 << 20,
        minBytes: 1,
        maxWaitMs: 0,
      })
      return found
    }
    assert.equal((await read(0)).error?.code, 'OFFSET_OUT_OF_RANGE')
    const [first] = batchesIn((await read(logStartOffset)).records[0])
    assert.equal(first.baseOffset, logStartOffset)

    // From here on nothing may go. The check has to come before the disk is full, so the last bytes are filled slowly.
    const keep = { name: 'cleanup.policy', operation: 'set', value: 'compact' } as const
    await service.alterTopic('stream', { alterations: [keep] })
    await service.createTopic({ name: 'table', partitions: 1, config: { 'cleanup.policy': 'compact' } })
    while ((await used()) < 96) await send('table')
    let refusal: HoldfastError | undefined
    await until('a refusal', () =>
      send('table', 10).then(
        () => false,
        (error: HoldfastError) => {
          refusal = error
          return true
        },
      ),
    )
    assert.equal(refusal?.code, 'KAFKA_STORAGE_ERROR')
    assert.match(refusal?.message ?? '', / % full.*disk\.watermark\.refuse\.ratio is 95/)
    await assert.rejects(send('stream', 10), { code: 'KAFKA_STORAGE_ERROR' })
    assert.equal((await read((await describe('stream')).logStartOffset)).error, undefined)
    await service.deleteTopic('table')
    await until('a send that is taken', () =>
      send('stream').then(
        () => true,
        () => false,
      ),
    )
    assert.equal((await describe('stream')).highWatermark, 281)
    assert.equal(await broker.end('SIGTERM'), 0)
  } finally {
    await service.close()
    await broker.end('SIGKILL')
    await disk.remove()
  }
})
