/** A served broker on a disk that fills up, and on one that is read-only. */

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { HoldfastError } from '../../src/core/errors.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { batchesIn } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { readRecords } from '../../src/records/reader.js'
import { holdfast, serve } from '../support/served-broker.js'
import { mountSmallDisk, withoutTmpfs } from '../support/tmpfs.js'
import { runProgram } from '../support/tools.js'
import { until } from '../support/until.js'

const skip = withoutTmpfs()
/** The disk itself is to say that it is full. */
const withoutWatermark = { 'disk.watermark.delete.ratio': 100, 'disk.watermark.refuse.ratio': 100 }

test('a full disk refuses sends, keeps what was acknowledged readable, and takes messages again once there is room', {
  skip,
  timeout: 60_000,
}, async () => {
  const disk = await mountSmallDisk('8m')
  const filler = join(disk.path, 'filler')
  writeFileSync(filler, Buffer.alloc(3 << 20))
  const broker = await serve(join(disk.path, 'data'), {
    settings: { 'log.segment.bytes': 1 << 20, ...withoutWatermark },
  })
  try {
    const service = await RemoteBroker.connect(broker.address)
    await service.createTopic({ name: 't', partitions: 1 })
    const acknowledged: string[] = []
    let sent = 0
    const send = async () => {
      const value = `m-${sent++}`.padEnd(50_000, '.')
      const { baseOffset } = await service.produce({
        topic: 't',
        partition: 0,
        batch: buildBatch([{ value: Buffer.from(value), timestamp: 1 }]).bytes,
      })
      assert.equal(baseOffset, acknowledged.length, 'a refused message leaves no hole')
      acknowledged.push(value)
    }
    await assert.rejects(
      async () => {
        for (;;) await send()
      },
      (error) => error instanceof HoldfastError && error.code === 'KAFKA_STORAGE_ERROR',
    )
    assert.ok(acknowledged.length > 10)
    assert.deepEqual(await readAll(service), acknowledged)
    rmSync(filler)
    await until('a send that is taken', () =>
      send().then(
        () => true,
        () => false,
      ),
    )
    await send()
    assert.deepEqual(await readAll(service), acknowledged)
    await service.close()
    await broker.end('SIGKILL')
    const again = await serve(join(disk.path, 'data'))
    const reader = await RemoteBroker.connect(again.address)
    assert.deepEqual(await readAll(reader), acknowledged)
    await reader.close()
    await again.end('SIGTERM')
  } finally {
    await broker.end('SIGKILL')
    await disk.remove()
  }
})

async function readAll(service: RemoteBroker): Promise<string[]> {
  const values: string[] = []
  for (;;) {
    const position = { topic: 't', partition: 0, offset: values.length, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
    const [fetched] = await service.fetch({ positions: [position], maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 0 })
    assert.equal(fetched.error, undefined)
    const before = values.length
    for (const batch of fetched.records.flatMap((bytes) => [...batchesIn(bytes)])) {
      for (const record of readRecords(batch)) if (record.offset === values.length) values.push(String(record.value))
    }
    if (values.length === before) return values
  }
}

test('a read-only directory is refused, with its path', { skip }, async () => {
  const disk = await mountSmallDisk('8m')
  try {
    const data = join(disk.path, 'data')
    await (await serve(data)).end('SIGTERM')
    disk.remount('remount,ro')
    const { code, stderr } = await runProgram(process.execPath, [
      holdfast,
      'serve',
      '--data',
      data,
      '--listen',
      '127.0.0.1:0',
    ])
    assert.equal(code, 1)
    assert.match(stderr, /data.*DATA_DIR_READ_ONLY/)
  } finally {
    disk.remount('remount,rw')
    await disk.remove()
  }
})
