/**
 * Directories that a Kafka broker wrote, stopped in order and killed, with every codec, compacted and transactional
 * topics, and groups: served by us, read and written, and given back to Kafka.
 */

import assert from 'node:assert/strict'
import { cpSync, readdirSync, rmSync } from 'node:fs'
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
import { JavaClients } from './java-clients.js'
import {
  endOpenTransaction,
  kafkaProperties,
  leaveTransactionOpen,
  look,
  makeTopics,
  type Seen,
  topics,
  untilCompacted,
  writeCompacted,
  writePlain,
  writeTransactions,
} from './kafka-scene.js'
import { judgeOfFile, kafka, withoutKafka } from './with-kafka.js'

describe("Kafka's directories", { skip: withoutKafka }, () => {
  const judge = judgeOfFile()
  let directory: TemporaryDirectory
  /** What Kafka's clients saw of Kafka, and the directory that it then left. */
  const left: Record<'stopped' | 'killed', { seen?: Seen; logPath: string }> = {
    stopped: { logPath: '' },
    killed: { logPath: '' },
  }

  const start = (): Promise<RunningKafka> =>
    startKafka(kafka as Kafka, directory.path, { jvm: shortLived, properties: kafkaProperties })
  const clientsOf = (port: number) => new JavaClients(judge(), `127.0.0.1:${port}`)
  const keep = (running: RunningKafka, how: 'stopped' | 'killed') => {
    left[how].logPath = join(directory.path, how)
    cpSync(running.logPath, left[how].logPath, { recursive: true })
  }

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-kafka-')
    const first = await start()
    const clients = clientsOf(first.port)
    await makeTopics(clients)
    await writePlain(clients, 'first')
    await writeCompacted(clients, 0)
    await writeTransactions(clients, 'first')
    await writeCompacted(clients, 1)
    await untilCompacted(first)
    left.stopped.seen = await look(clients)
    await first.stop()
    keep(first, 'stopped')

    const second = await start()
    const again = clientsOf(second.port)
    await writePlain(again, 'second')
    await writeTransactions(again, 'second')
    await leaveTransactionOpen(again)
    left.killed.seen = await look(again)
    await second.kill()
    keep(second, 'killed')
  })
  after(() => directory?.remove())

  for (const how of ['stopped', 'killed'] as const) {
    test(`one that was ${how} is served as Kafka served it, appended to, and taken back by Kafka`, async (t) => {
      const { seen, logPath } = left[how]
      const verified = await verifiedByUs(logPath)
      t.diagnostic(`holdfast verify of what Kafka left: ${JSON.stringify(verified.counted)}`)
      assert.equal(verified.code, 0)
      const dataDir = join(directory.path, `data-${how}`)
      cpSync(logPath, join(dataDir, 'log'), { recursive: true })
      const ours = await serve(dataDir)
      let seenLater: Seen
      try {
        const clients = clientsOf(portOf(ours))
        assert.deepEqual(await look(clients), seen)
        if (how === 'killed') await endOpenTransaction(clients)
        await writePlain(clients, 'ours')
        await writeTransactions(clients, 'ours')
        await writeCompacted(clients, 2)
        seenLater = await look(clients)
      } finally {
        assert.equal(await ours.end('SIGTERM'), 0)
      }
      const known = new Set((await dumpAll(judge(), logPath, () => true)).faults)
      const looked = await dumpAll(judge(), join(dataDir, 'log'), () => true)
      t.diagnostic(`${JSON.stringify(looked.files)}, ${looked.records} records`)
      assert.deepEqual(
        looked.faults.filter((fault) => !known.has(fault)),
        [],
      )
      await giveBack(join(dataDir, 'log'), join(directory.path, 'logs'))
      const kafkaAgain = await start()
      try {
        assert.deepEqual(await look(clientsOf(kafkaAgain.port)), seenLater)
      } finally {
        await kafkaAgain.stop()
      }
    })
  }
})

/** `holdfast verify`: its exit code, which says whether anything is damaged, and how many findings there are of each kind. */
async function verifiedByUs(path: string): Promise<{ code: number | null; counted: Record<string, number> }> {
  const { code, stdout } = await runProgram(holdfast, ['verify', '--json', path], { timeoutMs: 300_000 })
  const { findings } = JSON.parse(stdout.toString()) as { findings: { severity: string; code: string }[] }
  const counted: Record<string, number> = {}
  for (const finding of findings) {
    const kind = `${finding.severity} ${finding.code}`
    counted[kind] = (counted[kind] ?? 0) + 1
  }
  return { code, counted }
}

/** Everything but the log of Kafka's controller, which is not ours and went on without us. */
async function giveBack(ours: string, kafkas: string): Promise<void> {
  const controllers = (name: string) => name.startsWith('__cluster_metadata') || name === 'bootstrap.checkpoint'
  for (const name of readdirSync(kafkas)) {
    if (!controllers(name)) rmSync(join(kafkas, name), { recursive: true })
  }
  for (const name of readdirSync(ours)) {
    if (!controllers(name)) cpSync(join(ours, name), join(kafkas, name), { recursive: true })
  }
  assert.ok(topics.every((topic) => readdirSync(kafkas).some((name) => name.startsWith(`${topic}-`))))
}
