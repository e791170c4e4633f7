/**
 * A data directory of ours becomes a log.dir of Kafka's by `holdfast export`: a real broker of one node, with topics made
 * by the commands that we print, finds every record at its offset, goes on with the groups, and takes new messages.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { portOf } from '../support/connecting.js'
import { shortLived } from '../support/java/maven-jars.js'
import type { Kafka } from '../support/kafka/jars.js'
import { type RunningKafka, startKafka } from '../support/kafka/server.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { dumpAll } from './dumping.js'
import { createTopics, deletedBefore, exportTo, hashesOf, writeDataDirectory } from './export-scene.js'
import { JavaClients } from './java-clients.js'
import { look, type Seen, topics, writePlain, writeTransactions } from './kafka-scene.js'
import { judgeOfFile, kafka, withoutKafka } from './with-kafka.js'

/** The cleaner would go on with the compacted topic, whose last segment is sealed now. */
const asTheyAre = { 'log.cleaner.enable': 'false' }

describe('holdfast export into Kafka', { skip: withoutKafka }, () => {
  const judge = judgeOfFile()
  let directory: TemporaryDirectory
  let dataDir: string
  let seen: Seen
  let source: Record<string, string>
  /** Of a formatted log.dir with the topics, empty, and stopped. */
  let created: Record<string, string>

  const clientsOf = (port: number) => new JavaClients(judge(), `127.0.0.1:${port}`)
  const start = (properties: Readonly<Record<string, string>>): Promise<RunningKafka> =>
    startKafka(kafka as Kafka, directory.path, { jvm: shortLived, properties })

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-export-')
    dataDir = join(directory.path, 'data')
    ;({ seen } = await writeDataDirectory(dataDir, clientsOf))
    source = hashesOf(dataDir)
    const empty = await start(asTheyAre)
    await createTopics(kafka as Kafka, dataDir, empty.port)
    await empty.stop()
    created = hashesOf(empty.logPath)
  })
  after(() => directory?.remove())

  test('every record is there, groups go on, new messages come, and the source is as it was', async (t) => {
    const logPath = join(directory.path, 'logs')
    await exportTo(logPath, dataDir, '--dry-run')
    assert.deepEqual(hashesOf(logPath), created)
    const report = await exportTo(logPath, dataDir)
    t.diagnostic(JSON.stringify(report))
    for (const { topic, partition, state, loweredEpochs, sizeInBytes, copiedBytes } of report.partitions) {
      assert.equal(state, 'exported')
      assert.equal(loweredEpochs, topic === 'plain' && partition === 1)
      const isLong = topic === 'plain' && partition === 0
      if (isLong) assert.ok(sizeInBytes > 1 << 20 && copiedBytes < sizeInBytes / 2, 'the last segment alone is copied')
    }
    assert.equal(report.groups, 2)
    // What is there is left as it is.
    const again = await exportTo(logPath, dataDir)
    assert.ok(again.partitions.every(({ state, copiedBytes }) => state === 'there' && copiedBytes === 0))
    const looked = await dumpAll(judge(), logPath, () => true)
    t.diagnostic(`${JSON.stringify(looked.files)}, ${looked.records} records`)
    assert.deepEqual(looked.faults, [])

    const seenLater = await judgeFirstStart(await start(asTheyAre))
    await judgeLater(logPath, seenLater)
    assert.deepEqual(hashesOf(dataDir), source)
  })

  /** What was written is there; it is added to, and killed. */
  async function judgeFirstStart(running: RunningKafka): Promise<Seen> {
    try {
      const clients = clientsOf(running.port)
      assert.deepEqual(await look(clients), seen)
      const earliest = await clients.admin('listOffsets', { topic: 'plain', partition: 0, at: 'earliest' })
      assert.equal(earliest, deletedBefore)
      // Producer ids begin at 0 again: none of these is taken for one that has written before.
      await writePlain(clients, 'kafka')
      await writeTransactions(clients, 'kafka')
      const now = await look(clients)
      for (const [name, partitions] of Object.entries(seen.records)) {
        for (const [partition, records] of Object.entries(partitions)) {
          assert.deepEqual(now.records[name]?.[partition]?.slice(0, records.length), records, `${name} ${partition}`)
        }
      }
      const count = (of: Seen) => Object.values(of.records['plain, read_committed'] ?? {}).flat().length
      assert.equal(count(now), count(seen) + 5 * 300)
      return now
    } finally {
      await running.kill()
    }
  }

  /** After a recovery, with the cleaner at work: nothing of ours is read as it was not written. */
  async function judgeLater(logPath: string, seenLater: Seen): Promise<void> {
    const running = await start({ 'log.cleaner.backoff.ms': '200' })
    try {
      const now = await look(clientsOf(running.port))
      for (const topic of topics.filter((name) => name !== 'compacted')) {
        const name = `${topic}, read_committed`
        assert.deepEqual(now.records[name], seenLater.records[name])
      }
      assert.deepEqual(now.groups, seenLater.groups)
    } finally {
      await running.stop()
    }
    const looked = await dumpAll(judge(), logPath, () => true)
    assert.deepEqual(looked.faults, [])
  }

  test('the data directory is served on as before, and verify finds nothing', async () => {
    const verified = await runProgram(holdfast, ['verify', dataDir])
    assert.equal(verified.code, 0, verified.stdout.toString())
    const ours = await serve(dataDir)
    try {
      assert.deepEqual(await look(clientsOf(portOf(ours))), seen)
    } finally {
      await ours.end('SIGTERM')
    }
  })
})
