/**
 * The index files that RocketMQ's own store writes, found in by us; ours, which are the same byte for byte but for the
 * seconds of a file's first entry; and both programs taking turns on one index.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../src/core/clock.js'
import { javaHash } from '../../src/core/java-hash.js'
import { silentLogger } from '../../src/core/logger.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { dispatchOf } from '../../src/storage/commitlog/dispatching.js'
import { storeNames } from '../../src/storage/commitlog/format.js'
import { indexEntryAt, indexEntryPlace } from '../../src/storage/commitlog/index-format.js'
import { MessageIndex } from '../../src/storage/commitlog/message-index.js'
import { messageOfTransaction, messageToPut } from './rocketmq-messages.js'
import { RocketMqStore, type StoredMessage } from './rocketmq-store.js'
import { walkCommitLog } from './walked-log.js'
import { rocketMqJudgeOfFile, withoutRocketMq } from './with-rocketmq.js'

const shape = { slots: 50, entries: 90 }
const config = {
  mappedFileSizeCommitLog: 1_048_576,
  mappedFileSizeConsumeQueue: 20_000,
  maxHashSlotNum: shape.slots,
  maxIndexNum: shape.entries,
}
const topics = ['Orders', 'with.dots_and-more']
const keys = Array.from({ length: 60 }, (_, i) => [
  `key${i * 9}`,
  `unique-${i * 9}`,
  `shared${i % 10}`,
  `ü${i * 9}`,
]).flat()

describe("RocketMQ's index", { skip: withoutRocketMq }, () => {
  const judge = rocketMqJudgeOfFile()
  let directory: TemporaryDirectory
  const indexPath = () => join(directory.path, storeNames.index)
  const bytesOfFiles = () =>
    readdirSync(indexPath())
      .sort()
      .map((name) => readFileSync(join(indexPath(), name)))

  async function openIndex(): Promise<MessageIndex> {
    const index = await MessageIndex.open(nodeDisk, indexPath(), {
      shape,
      clock: systemClock,
      logger: silentLogger,
      isClean: true,
      aside: `${directory.path}-aside`,
    })
    assert.equal(index.rebuildReason, undefined)
    return index
  }

  /** Puts `count` messages by RocketMQ, from the `from`th on. */
  async function putByRocketMq(from: number, count: number): Promise<void> {
    const store = await RocketMqStore.open(judge(), directory.path, config)
    const messages = Array.from({ length: count }, (_, i) => messageToPut(from + i))
    const put = await store.put([...messages, messageOfTransaction('prepared'), messageOfTransaction('rollback')])
    assert.ok(put.every(({ status }) => status === 'PUT_OK'))
    await store.close()
  }

  async function putByUs(index: MessageIndex): Promise<void> {
    for (const message of walkCommitLog(directory.path).messages) await index.put(dispatchOf(message))
  }

  /** The positions of all messages in the log under a key, newest first. */
  function truthOf(topic: string, key: string): number[] {
    return walkCommitLog(directory.path)
      .messages.map(dispatchOf)
      .filter((message) => message.topic === topic && message.keyHashes.includes(javaHash(`${topic}#${key}`)))
      .map(({ position }) => position)
      .reverse()
  }

  async function assertWeFind(index: MessageIndex): Promise<void> {
    let found = 0
    for (const topic of topics) {
      for (const key of keys) {
        const positions: number[] = []
        for await (const { position } of index.candidates(javaHash(`${topic}#${key}`), 0, Number.MAX_SAFE_INTEGER)) {
          positions.push(position)
        }
        const truth = truthOf(topic, key)
        // Another key may have the same hash without its sign.
        assert.deepEqual(
          truth.filter((position) => positions.includes(position)),
          truth,
          `${topic}#${key}`,
        )
        found += truth.length
      }
    }
    assert.ok(found > 0)
  }

  async function assertRocketMqFinds(): Promise<void> {
    const store = await RocketMqStore.open(judge(), directory.path, config)
    for (const topic of topics) {
      for (const key of keys.slice(0, 80)) {
        const found: readonly StoredMessage[] = await store.find(topic, key)
        const truth = truthOf(topic, key)
        const positions = found.map(({ position }) => position)
        assert.deepEqual(
          truth.filter((position) => positions.includes(position)),
          truth,
          `${topic}#${key}`,
        )
      }
    }
    await store.close()
  }

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-rocketmq-index-')
    await putByRocketMq(0, 300)
  })
  after(() => directory?.remove())

  test('we find in it what the log holds, and leave it as it is', async () => {
    const before = bytesOfFiles()
    assert.ok(before.length > 3)
    const index = await openIndex()
    await assertWeFind(index)
    await putByUs(index)
    await index.close()
    assert.deepEqual(bytesOfFiles(), before)
  })

  test('ours of the same messages has the same bytes', async () => {
    const theirs = bytesOfFiles()
    rmSync(indexPath(), { recursive: true })
    const index = await openIndex()
    for (const message of walkCommitLog(directory.path).messages) await index.put(dispatchOf(message))
    await index.close()
    const secondsOfFirst = indexEntryPlace(shape, 1) + indexEntryAt.timeDiff
    for (const bytes of theirs) bytes.writeInt32BE(0, secondsOfFirst)
    assert.deepEqual(bytesOfFiles(), theirs)
  })

  test('RocketMQ finds by our index, goes on in it, and we do again', async () => {
    await assertRocketMqFinds()
    await putByRocketMq(300, 150)
    const index = await openIndex()
    await assertWeFind(index)
    await putByUs(index)
    await index.truncateFrom(index.extent.endPosition - 5000)
    await putByUs(index)
    await assertWeFind(index)
    await index.close()
    await assertRocketMqFinds()
    await putByRocketMq(450, 90)
    const again = await openIndex()
    await assertWeFind(again)
    await again.close()
  })
})
