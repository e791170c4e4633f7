/** `holdfast serve` as a process: ready, stopped in order, and refusing what it cannot serve, with the reason. */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { buildBatch } from '../../src/records/builder.js'
import type { RecoveryReport } from '../../src/storage/recovery.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

async function inDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const directory = await makeTemporaryDirectory('holdfast-serve-')
  try {
    await work(directory.path)
  } finally {
    await directory.remove()
  }
}

const refused = (dataDir: string, ...args: string[]) =>
  runProgram(process.execPath, [holdfast, 'serve', '--data', dataDir, '--listen', '127.0.0.1:0', ...args])

test('SIGTERM drains: requests in work are answered, the exit code is 0, the next start needs no recovery', () =>
  inDirectory(async (path) => {
    const broker = await serve(path)
    const service = await RemoteBroker.connect(broker.address)
    await service.createTopic({ name: 't', partitions: 1 })
    const sends = Array.from({ length: 50 }, (_, i) =>
      service.produce({
        topic: 't',
        partition: 0,
        batch: buildBatch([{ value: Buffer.from(String(i)), timestamp: 1 }]).bytes,
      }),
    )
    await sends[0]
    const ended = broker.end('SIGTERM')
    const outcomes = await Promise.allSettled(sends)
    assert.equal(await ended, 0)
    await service.close()
    const answered = outcomes.filter((outcome) => outcome.status === 'fulfilled').length
    assert.ok(readFileSync(join(path, 'log/.kafka_cleanshutdown')).length > 0)
    const again = await serve(path)
    const reader = await RemoteBroker.connect(again.address)
    const [topic] = await reader.describeTopics(['t'])
    assert.ok(topic.partitions[0].highWatermark >= answered)
    await reader.close()
    assert.equal(again.stderr(), '')
    await again.end('SIGTERM')
  }))

test('after kill -9 the next start says what it read, log by log; --full-scan reads everything', () =>
  inDirectory(async (path) => {
    const broker = await serve(path)
    const service = await RemoteBroker.connect(broker.address)
    await service.createTopic({ name: 't', partitions: 1 })
    const batch = buildBatch([{ value: Buffer.alloc(5000), timestamp: 1 }])
    await service.produce({ topic: 't', partition: 0, batch: batch.bytes })
    await service.close()
    await broker.end('SIGKILL')
    const again = await serve(path)
    const { logs, ...recovery } = again.ready['recovery'] as RecoveryReport
    assert.deepEqual([recovery.clean, recovery.scannedBytes, recovery.damagedLogs], [false, batch.sizeInBytes, 0])
    assert.deepEqual([logs.length, logs[0].topic, logs[0].cutBytes], [1, 't', 0])
    await again.end('SIGTERM')
    const scanned = await serve(path, { args: ['--full-scan'] })
    assert.deepEqual((scanned.ready['recovery'] as RecoveryReport).scannedBytes, batch.sizeInBytes)
    await scanned.end('SIGTERM')
  }))

test('a directory that is held names the holder', () =>
  inDirectory(async (path) => {
    const broker = await serve(path)
    const { code, stderr } = await refused(path)
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`held by process ${broker.pid}.*DATA_DIR_LOCKED`))
    await broker.end('SIGKILL')
    // The kernel dropped the lock with its holder.
    const next = await serve(path)
    await next.end('SIGTERM')
  }))

test('a directory of a newer format is refused and left as it is', () =>
  inDirectory(async (path) => {
    await (await serve(path)).end('SIGTERM')
    const file = join(path, 'holdfast.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"formatVersion": 1', '"formatVersion": 99'))
    const before = readFileSync(file, 'utf8')
    const { code, stderr } = await refused(path)
    assert.equal(code, 1)
    assert.match(stderr, /99.*DATA_DIR_NEWER/)
    assert.equal(readFileSync(file, 'utf8'), before)
  }))

test('a file that is damaged is named', () =>
  inDirectory(async (path) => {
    await (await serve(path)).end('SIGTERM')
    writeFileSync(join(path, 'config/topics.json'), '{ half')
    const { code, stderr } = await refused(path)
    assert.equal(code, 1)
    assert.match(stderr, /topics\.json.*DATA_DIR_DAMAGED/)
  }))

test('a port in use is named', () =>
  inDirectory(async (path) => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    assert.ok(address !== null && typeof address === 'object')
    try {
      const { code, stderr } = await runProgram(process.execPath, [
        holdfast,
        'serve',
        '--data',
        path,
        '--listen',
        `127.0.0.1:${address.port}`,
      ])
      assert.equal(code, 1)
      assert.match(stderr, new RegExp(`${address.port}.*ADDRESS_IN_USE`))
    } finally {
      taken.close()
    }
  }))

test('a path that is no directory is refused', () =>
  inDirectory(async (path) => {
    const file = join(path, 'file')
    writeFileSync(file, '')
    const { code, stderr } = await refused(file)
    assert.equal(code, 1)
    assert.match(stderr, /file/)
  }))
