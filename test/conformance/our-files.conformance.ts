/**
 * Kafka's tools and Kafka's log on directories that we wrote: a random run with every codec, segments that roll,
 * idempotent producers, transactions that are committed and aborted, retention, compaction, deleted records, committed
 * offsets, kill -9 and recovery.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, type TestContext, test } from 'node:test'
import { dice, seedFor } from '../crash/seeded.js'
import { temporaryDirectory } from '../storage/support.js'
import { programArguments } from '../support/child-program.js'
import { dumpedByUs } from './dump-lines.js'
import { dumpAll, dumpedByKafka, partitionsIn } from './dumping.js'
import type { Judge } from './judge.js'
import { assertSameIndexes, assertSameLogs, openOurs, openWithKafka } from './judged-logs.js'
import { judgeOfFile, withoutKafka } from './with-kafka.js'

const kills = 3
const settings = {
  'log.segment.bytes': 1 << 20,
  'log.flush.offset.checkpoint.interval.ms': 50,
  'log.retention.check.interval.ms': 200,
  'log.cleaner.backoff.ms': 200,
  'log.cleaner.min.cleanable.ratio': 0.1,
  'flush.disk.type': 'ASYNC_FLUSH' as const,
}
/** For looking at what is there: nothing changes it meanwhile. */
const resting = { ...settings, 'log.retention.check.interval.ms': 3_600_000, 'log.cleaner.enable': false }
const config = { 'segment.bytes': 1 << 20 }

const isCompacted = (partition: string): boolean => partition.startsWith('__') || partition.startsWith('table-')

/** What Kafka reads in the small files of a log directory. */
interface SmallFiles {
  readonly version: number
  readonly clean: boolean
  readonly recoveryPoints: Readonly<Record<string, number>>
  readonly cleaned: Readonly<Record<string, number>>
  readonly highWatermarks: Readonly<Record<string, number>>
  readonly topicIds: Readonly<Record<string, string>>
}

/** Lets the writer do so many operations, and close in order; or kills it after so many. */
async function write(dataDir: string, seed: number, operations: number, end: 'closed' | 'killed'): Promise<void> {
  const program = join(import.meta.dirname, 'random-writer.ts')
  const most = end === 'killed' ? Number.MAX_SAFE_INTEGER : operations
  const args = [...programArguments(program), dataDir, String(seed), String(most), JSON.stringify(settings)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    said = line
    if (Number(line) > operations) child.kill('SIGKILL')
  })
  await once(child, 'close')
  if (end === 'closed') assert.equal(said, 'closed')
}

async function writtenAtRandom(t: TestContext) {
  const seed = seedFor('HOLDFAST_TEST_SEED')
  t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} repeats it)`)
  const chance = dice(seed)
  const directory = await temporaryDirectory(t)
  const dataDir = join(directory, 'data')
  for (let kill = 0; kill < kills; kill++) {
    await write(dataDir, chance.between(0, 2 ** 31), chance.between(100, 800), 'killed')
  }
  return { directory, dataDir, chance }
}

/** Both tools on every file. @returns how many lines that were */
async function compareDumps(judge: Judge, logPath: string): Promise<number> {
  let lines = 0
  for (const partition of partitionsIn(logPath)) {
    const names = readdirSync(join(logPath, partition)).filter((name) => /\.(log|\w*index|snapshot)$/.test(name))
    const paths = names.map((name) => join(logPath, partition, name))
    const [theirs, ours] = [await dumpedByKafka(judge, paths), await dumpedByUs(paths)]
    for (const path of paths) {
      assert.deepEqual(ours.get(path), theirs.get(path), path)
      lines += theirs.get(path)?.length ?? 0
    }
  }
  return lines
}

const sizeOf = (path: string): number => readFileSync(path).length

describe('files that we wrote', { skip: withoutKafka }, () => {
  const judge = judgeOfFile()

  test('after a random run and a close in order no tool of Kafka finds a fault, and its log finds what we find', async (t) => {
    const { directory, dataDir, chance } = await writtenAtRandom(t)
    await write(dataDir, chance.between(0, 2 ** 31), 600, 'closed')
    const logPath = join(dataDir, 'log')

    const forTools = join(directory, 'for-tools')
    cpSync(logPath, forTools, { recursive: true })
    const looked = await dumpAll(judge(), forTools, isCompacted)
    assert.deepEqual(looked.faults, [])
    t.diagnostic(`${JSON.stringify(looked.files)}, ${looked.records} records`)
    assert.ok(looked.files['txnindex'] > 0)
    for (const kind of ['log', 'index', 'timeindex', 'snapshot']) assert.ok(looked.files[kind] > 4, `${kind} files`)

    const compared = await compareDumps(judge(), forTools)
    t.diagnostic(`${compared} lines of kafka-dump-log are those of holdfast dump`)

    const small = await judge().ask<SmallFiles>('readFiles', { directory: logPath })
    assert.equal(small.clean, true)
    assert.equal(small.version, 1)

    const ours = await openOurs(dataDir, join(directory, 'ours'), resting)
    assert.deepEqual(Object.keys(small.topicIds), [...ours.keys()].sort())
    assert.ok(small.cleaned['table-0'] > 0, 'the compacted topic was compacted')
    for (const [name, { logEndOffset }] of ours) {
      assert.equal(small.recoveryPoints[name], logEndOffset, `the recovery point of ${name}`)
      assert.equal(small.highWatermarks[name], logEndOffset, `the high watermark of ${name}`)
    }
    const open = (name: string, opening: { clean: boolean; recoveryPoint?: number }) =>
      openWithKafka(judge(), logPath, join(directory, name), ours.keys(), opening, config)
    const trusting = await open('trusting', { clean: true })
    assertSameLogs(trusting, ours, 'with the marker')
    assertSameLogs(await open('unclean', { clean: false }), ours, 'without the marker')
    const rebuilt = await open('rebuilt', { clean: false, recoveryPoint: 0 })
    assertSameLogs(rebuilt, ours, 'without the marker and from the first byte')
    // In a compacted log we leave emptied batches out of the time index, which Kafka does not.
    const plain = [...ours.keys()].filter((name) => !isCompacted(name))
    const rebuiltFiles = assertSameIndexes(join(directory, 'rebuilt'), logPath, plain)
    t.diagnostic(`${rebuiltFiles} index files are what Kafka rebuilds, to the byte`)
    for (const [name, log] of rebuilt) {
      const known = trusting.get(name)?.producers
      for (const producer of log.producers) {
        const read = known?.find(({ producerId }) => producerId === producer.producerId)
        // Ours is the time of the append, where Kafka takes that of the messages.
        const { lastTimestamp } = producer
        assert.deepEqual({ ...read, lastTimestamp }, producer, `${name}: a snapshot is what Kafka makes of the log`)
      }
    }
  })

  test('what a killed broker left is recovered by Kafka to what we recover it to', async (t) => {
    const { directory, dataDir } = await writtenAtRandom(t)
    const logPath = join(dataDir, 'log')
    const ours = await openOurs(dataDir, join(directory, 'ours'), resting)
    for (const [name, recoveryPoint] of [['checkpoint'], ['first-byte', 0]] as const) {
      const opening = { clean: false, ...(recoveryPoint !== undefined && { recoveryPoint }) }
      const copy = join(directory, name)
      assertSameLogs(await openWithKafka(judge(), logPath, copy, ours.keys(), opening, config), ours, name)
    }
    const recovered = await dumpAll(judge(), join(directory, 'ours/log'), isCompacted)
    assert.deepEqual(recovered.faults, [], 'in the files as we left them after recovery')
  })

  test('a fault that is planted is found: in a log, in an offset index, in a time index, in a snapshot', async (t) => {
    const directory = await temporaryDirectory(t)
    const dataDir = join(directory, 'data')
    await write(dataDir, seedFor('HOLDFAST_TEST_SEED'), 300, 'closed')
    const plants: readonly (readonly [suffix: string, at: number, expected: RegExp])[] = [
      ['.log', 200, /isvalid: false|exit code 1/],
      ['.index', 3, /Mismatches in|exit code 1/],
      ['.timeindex', 7, /mismatch|not found|out of order/],
      ['.snapshot', 20, /corrupt|crc/i],
    ]
    for (const [suffix, at, expected] of plants) {
      const copy = join(directory, `with${suffix}`)
      cpSync(join(dataDir, 'log'), copy, { recursive: true })
      const names = readdirSync(copy, { recursive: true, encoding: 'utf8' })
      const path = names.map((name) => join(copy, name)).find((one) => one.endsWith(suffix) && sizeOf(one) > at)
      assert.ok(path)
      const bytes = readFileSync(path)
      bytes[at] ^= 1
      writeFileSync(path, bytes)
      assert.match((await dumpAll(judge(), copy)).faults.join('\n'), expected, path)
    }
  })
})
