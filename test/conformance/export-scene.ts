/** What the test of the export to Kafka needs on both sides: a data directory that holds what one may hold, and Kafka's commands. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { portOf } from '../support/connecting.js'
import { shortLived } from '../support/java/maven-jars.js'
import type { Kafka } from '../support/kafka/jars.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import type { JavaClients } from './java-clients.js'
import {
  look,
  makeTopics,
  type Seen,
  untilCompacted,
  writeCompacted,
  writePlain,
  writeTransactions,
} from './kafka-scene.js'

/** Segments as small as they may be, and a cleaner that is in a hurry. */
const settings = {
  'log.segment.bytes': 1 << 20,
  'log.cleaner.backoff.ms': 200,
  'log.flush.offset.checkpoint.interval.ms': 200,
}

/** Behind everything in the first session: in the second this partition is led in a later epoch. */
const laterEpoch = { directory: 'plain-1', epoch: 7 }
/** Of partition 0 of `plain`. */
export const deletedBefore = 100

/** Two sessions of a served broker, each stopped in order; what clients saw at the end. */
export async function writeDataDirectory(
  dataDir: string,
  clientsOf: (port: number) => JavaClients,
): Promise<{ seen: Seen }> {
  const logPath = join(dataDir, 'log')
  const first = await serve(dataDir, { settings })
  const clients = clientsOf(portOf(first))
  await makeTopics(clients)
  await writePlain(clients, 'first')
  await writePlain(clients, 'more')
  await writeCompacted(clients, 0)
  await writeTransactions(clients, 'first')
  await writeCompacted(clients, 1)
  await untilCompacted({ logPath })
  assert.equal(await first.end('SIGTERM'), 0)

  const epochs = join(logPath, laterEpoch.directory, 'leader-epoch-checkpoint')
  const end = /^plain 1 (\d+)$/m.exec(readFileSync(join(logPath, 'recovery-point-offset-checkpoint'), 'utf8'))
  writeFileSync(epochs, `0\n2\n0 0\n${laterEpoch.epoch} ${end?.[1]}\n`)

  const second = await serve(dataDir, { settings })
  const again = clientsOf(portOf(second))
  await writePlain(again, 'second')
  await writeTransactions(again, 'second')
  await again.admin('deleteRecords', { topic: 'plain', partition: 0, before: deletedBefore })
  const seen = await look(again)
  assert.equal(await second.end('SIGTERM'), 0)
  return { seen }
}

/** `kafka-topics.sh` as `holdfast export --print-commands` says it, without the script. */
export async function createTopics(kafka: Kafka, dataDir: string, port: number): Promise<void> {
  const args = ['export', '--data', dataDir, '--print-commands', '--bootstrap-server', `127.0.0.1:${port}`, '--json']
  const { code, stdout, stderr } = await runProgram(holdfast, args)
  assert.equal(code, 0, stderr.toString())
  for (const command of JSON.parse(stdout.toString()) as string[]) {
    const [script, ...rest] = command.split(' ')
    assert.equal(script, 'kafka-topics.sh')
    const words = rest.map((word) => word.replaceAll("'", ''))
    const java = [...shortLived, ...kafka.options, 'org.apache.kafka.tools.TopicCommand', ...words]
    const created = spawnSync('java', java, { encoding: 'utf8' })
    assert.equal(created.status, 0, `${command}: ${created.stdout} ${created.stderr}`)
  }
}

export interface Exported {
  readonly partitions: readonly {
    readonly topic: string
    readonly partition: number
    readonly state: string
    readonly sizeInBytes: number
    readonly copiedBytes: number
    readonly loweredEpochs: boolean
  }[]
  readonly groups: number
}

export async function exportTo(kafkaLogDir: string, dataDir: string, ...options: string[]): Promise<Exported> {
  const args = ['export', '--data', dataDir, '--kafka-log-dir', kafkaLogDir, '--json', ...options]
  const { code, stdout, stderr } = await runProgram(holdfast, args, { timeoutMs: 120_000 })
  assert.equal(code, 0, stderr.toString())
  return JSON.parse(stdout.toString()) as Exported
}

/** By path, but for locks and sockets: what must not change in a data directory that was exported. */
export function hashesOf(directory: string): Record<string, string> {
  const hashes: Record<string, string> = {}
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || /^\.?lock$/.test(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    hashes[path] = createHash('sha256').update(readFileSync(path)).digest('hex')
  }
  return hashes
}
