/** `holdfast mirror` from a Kafka broker into a folder and from a folder into a Kafka broker, as Java clients see both sides. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { shortLived } from '../support/java/maven-jars.js'
import type { Kafka } from '../support/kafka/jars.js'
import { type RunningKafka, startKafka } from '../support/kafka/server.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { JavaClients } from './java-clients.js'
import {
  kafkaProperties,
  look,
  makeTopics,
  untilCompacted,
  writeCompacted,
  writePlain,
  writeTransactions,
} from './kafka-scene.js'
import { judgeOfFile, kafka, withoutKafka } from './with-kafka.js'

interface Outcome {
  readonly code: number | null
  readonly stderr: string
  readonly report: {
    readonly messages: number
    readonly verified?: { readonly messages: number }
    readonly notes: string[]
  }
}

async function mirrored(from: string, to: string, ...options: string[]): Promise<Outcome> {
  const args = ['mirror', '--from', from, '--to', to, '--json', ...options]
  const { code, stdout, stderr } = await runProgram(process.execPath, [holdfast, ...args], { timeoutMs: 120_000 })
  return { code, stderr, report: JSON.parse(stdout.toString().trimEnd().split('\n').at(-1) || '{}') }
}

describe('a mirror and Kafka', { skip: withoutKafka }, () => {
  const judge = judgeOfFile()
  let directory: TemporaryDirectory
  let running: RunningKafka
  const clientsOf = (address: string) => new JavaClients(judge(), address)
  const kafkaAddress = () => `127.0.0.1:${running.port}`

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-kafka-mirror-')
    running = await startKafka(kafka as Kafka, directory.path, { jvm: shortLived, properties: kafkaProperties })
  })
  after(async () => {
    await running?.stop()
    await directory?.remove()
  })

  test('Kafka into a folder: every topic, transactions and holes included, and its groups go on', async (t) => {
    const theirs = clientsOf(kafkaAddress())
    await makeTopics(theirs)
    await writePlain(theirs, 'first')
    await writeCompacted(theirs, 0)
    await writeTransactions(theirs, 'first')
    await writeCompacted(theirs, 1)
    await untilCompacted(running)
    const folder = join(directory.path, 'folder')
    const first = await mirrored(`kafka://${kafkaAddress()}`, folder, '--until-caught-up')
    assert.equal(first.code, 0, first.stderr)
    await writePlain(theirs, 'second')
    await writeTransactions(theirs, 'second')
    const second = await mirrored(kafkaAddress(), folder, '--cut-over')
    assert.equal(second.code, 0, second.stderr)
    t.diagnostic(JSON.stringify([first.report, second.report]))
    assert.ok(second.report.messages < (second.report.verified?.messages ?? 0))
    const seen = await look(theirs)
    const served = await serve(folder)
    try {
      const ours = clientsOf(served.address)
      assert.deepEqual(await look(ours), seen)
      const goesOn = (clients: JavaClients) => clients.consumeInGroup('plain', 'readers', 10, { 'max.poll.records': 5 })
      assert.deepEqual(await goesOn(ours), await goesOn(theirs))
      await writePlain(ours, 'ours')
      await writeTransactions(ours, 'ours')
    } finally {
      assert.equal(await served.end('SIGTERM'), 0)
    }
  })

  test('a folder into Kafka: every message at its offset, and its groups go on', async () => {
    const folder = join(directory.path, 'moving')
    const served = await serve(folder)
    const ours = clientsOf(served.address)
    await ours.admin('createTopic', { topic: 'moving', partitions: 2, config: { 'retention.ms': '99999999' } })
    const producer = await ours.producer('moving', { 'compression.type': 'zstd', 'linger.ms': 5 })
    const records = Array.from({ length: 500 }, (_, i) => ({
      topic: 'moving',
      partition: i % 2,
      key: i % 3 === 0 ? null : Buffer.from(`${i}`).toString('base64'),
      value: Buffer.from(`value ${i} `.repeat(30)).toString('base64'),
    }))
    await producer.send(records)
    await producer.close()
    await ours.consumeInGroup('moving', 'movers', 100, { 'max.poll.records': 10 })
    const seen = await ours.consume('moving')
    const committed = await ours.admin('groupOffsets', { group: 'movers' })
    await served.end('SIGTERM')
    const outcome = await mirrored(folder, kafkaAddress(), '--topic', 'moving', '--cut-over')
    assert.equal(outcome.code, 0, outcome.stderr)
    assert.deepEqual([outcome.report.verified?.messages, outcome.report.notes], [500, []])
    const theirs = clientsOf(kafkaAddress())
    assert.deepEqual(await theirs.consume('moving'), seen)
    assert.deepEqual(await theirs.admin('groupOffsets', { group: 'movers' }), committed)
    const rest = await theirs.consumeInGroup('moving', 'movers', 400, { 'max.poll.records': 10 })
    assert.equal(rest.length, 400)
  })
})
