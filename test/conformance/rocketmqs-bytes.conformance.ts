/**
 * What RocketMQ's own store writes, as our codecs read it: messages of both versions with every kind of host, with and
 * without a CRC of the whole, its consume queues, its index and its checkpoint.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../src/core/clock.js'
import { silentLogger } from '../../src/core/logger.js'
import { resolveSettings } from '../../src/core/settings.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { OpenFiles } from '../../src/files/open-files.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { dispatchOf, type MessageDispatch } from '../../src/storage/commitlog/dispatching.js'
import { checkpointAt, checkpointBytes, magic, storeNames } from '../../src/storage/commitlog/format.js'
import { messageIdOf } from '../../src/storage/commitlog/host.js'
import type { MessageView } from '../../src/storage/commitlog/message.js'
import { hasCrcProperty } from '../../src/storage/commitlog/message-crc.js'
import { MessageIndex } from '../../src/storage/commitlog/message-index.js'
import { propertiesOf } from '../../src/storage/commitlog/properties.js'
import { ConsumeQueues } from '../../src/storage/commitlog/queue-set.js'
import { dump } from '../../src/storage/inspect/dump.js'
import { verify } from '../../src/storage/inspect/verify.js'
import { delayedMessage, longTopic, messageOfTransaction, messageToPut } from './rocketmq-messages.js'
import { type Queues, RocketMqStore, type StoredMessage } from './rocketmq-store.js'
import { type WalkedLog, walkCommitLog } from './walked-log.js'
import { rocketMqJudgeOfFile, withoutRocketMq } from './with-rocketmq.js'

const config = {
  mappedFileSizeCommitLog: 65_536,
  mappedFileSizeConsumeQueue: 2000,
  maxHashSlotNum: 50,
  maxIndexNum: 400,
}
const delayedLevels = [1, 2, 18, 40]
const plainMessages = 400

describe("RocketMQ's bytes", { skip: withoutRocketMq }, () => {
  const judge = rocketMqJudgeOfFile()
  for (const enabledAppendPropCRC of [false, true]) {
    describe(`${enabledAppendPropCRC ? 'with' : 'without'} CRCs of whole messages`, () => {
      let directory: TemporaryDirectory
      let queues: Queues
      let walked: WalkedLog
      /** By RocketMQ, at the position of each. */
      const told = new Map<number, StoredMessage>()

      before(async () => {
        directory = await makeTemporaryDirectory('holdfast-rocketmq-')
        const store = await RocketMqStore.open(judge(), directory.path, { ...config, enabledAppendPropCRC })
        const put = await store.put([
          ...Array.from({ length: plainMessages }, (_, i) => messageToPut(i)),
          messageOfTransaction('prepared'),
          messageOfTransaction('rollback'),
          ...delayedLevels.map(delayedMessage),
        ])
        assert.ok(put.every(({ status }) => status === 'PUT_OK'))
        for (const { position } of put) {
          const message = await store.lookAt(position as number)
          if (message !== null) told.set(message.position, message)
        }
        queues = await store.queues()
        await store.close()
        walked = walkCommitLog(directory.path)
      })
      after(() => directory?.remove())

      test('every message is read as RocketMQ reads it', () => {
        assert.equal(walked.end, queues.maxPosition)
        assert.ok(walked.blanks > 0)
        assert.deepEqual(walked.messages.map(rowOf), [...told.values()])
        const versions = new Set(walked.messages.map((message) => message.magic))
        assert.deepEqual(versions, new Set([magic.messageV1, magic.messageV2]))
        for (const message of walked.messages) {
          const crc = hasCrcProperty(message.bytes, message.propertiesStart, message.end)
          assert.equal(crc, enabledAppendPropCRC, `at ${message.position}`)
        }
      })

      test('verify finds nothing wrong in it, and dump shows every message', async () => {
        const settings = resolveSettings({
          'mapped.file.size.commitlog': config.mappedFileSizeCommitLog,
          'mapped.file.size.consumequeue': config.mappedFileSizeConsumeQueue,
          'max.hash.slot.num': config.maxHashSlotNum,
          'max.index.num': config.maxIndexNum,
        })
        const report = await verify(directory.path, { disk: nodeDisk, clock: systemClock, settings })
        assert.deepEqual(report.findings, [])
        const positions: unknown[] = []
        for await (const row of dump(nodeDisk, join(directory.path, storeNames.commitLog))) {
          if (row.type === 'message') positions.push(row['position'])
          assert.notEqual(row.type, 'stop')
        }
        assert.deepEqual(positions, [...told.keys()])
      })

      test('the consume queues hold what our dispatch makes of the messages', async () => {
        const ours = new Map<string, Entry[]>()
        for (const message of walked.messages) {
          const dispatched = dispatchOf(message)
          if (!dispatched.hasQueueEntry) continue
          const name = join(dispatched.topic, String(dispatched.queueId))
          const entries = ours.get(name) ?? []
          assert.equal(dispatched.queueOffset, entries.length)
          ours.set(name, [...entries, entryOf(dispatched)])
        }
        const theirs = await readQueues(directory.path)
        assert.ok(theirs.has(join(longTopic, '1')))
        assert.deepEqual(theirs, ours)
      })

      test('in its index we find what our dispatch says of the keys, and nothing more', async () => {
        const positions = new Map<number, number[]>()
        for (const message of walked.messages) {
          for (const hash of dispatchOf(message).keyHashes) {
            positions.set(hash, [message.position, ...(positions.get(hash) ?? [])])
          }
        }
        const index = await MessageIndex.open(nodeDisk, join(directory.path, storeNames.index), {
          shape: { slots: config.maxHashSlotNum, entries: config.maxIndexNum },
          clock: systemClock,
          logger: silentLogger,
          isClean: true,
          aside: join(directory.path, 'aside'),
        })
        assert.equal(index.rebuildReason, undefined)
        assert.ok(index.extent.fileNames.length > 1)
        for (const [hash, expected] of positions) {
          const found: number[] = []
          for await (const { position } of index.candidates(hash, 0, Number.MAX_SAFE_INTEGER)) found.push(position)
          assert.deepEqual(found, expected)
        }
        await index.close()
      })

      test('the checkpoint says up to when messages were in their queues', () => {
        const bytes = readFileSync(join(directory.path, storeNames.checkpoint))
        assert.equal(bytes.length, checkpointBytes)
        const logics = Number(bytes.readBigInt64BE(checkpointAt.logicsTimestamp))
        const place = Number(bytes.readBigInt64BE(checkpointAt.logicsPosition))
        assert.equal(walked.messages.find(({ position }) => position === place)?.storeTimestamp, logics)
      })
    })
  }
})

/** As the judge tells it. */
function rowOf(view: MessageView): StoredMessage {
  return {
    topic: view.topic,
    queueId: view.queueId,
    queueOffset: view.queueOffset,
    position: view.position,
    sizeInBytes: view.sizeInBytes,
    messageId: messageIdOf(view.storeHostBytes, view.position),
    flag: view.flag,
    sysFlag: view.sysFlag,
    bornTimestamp: view.bornTimestamp,
    bornHost: view.bornHost,
    storeTimestamp: view.storeTimestamp,
    storeHost: view.storeHost,
    reconsumeTimes: view.reconsumeTimes,
    preparedPosition: view.preparedTransactionOffset,
    body: view.storedBody.toString('base64'),
    properties: Object.fromEntries(propertiesOf(view).map(({ name, value }) => [name, value])),
  }
}

interface Entry {
  readonly position: number
  readonly size: number
  readonly tagsCode: number
}

function entryOf({ position, sizeInBytes: size, tagsCode }: MessageDispatch): Entry {
  return { position, size, tagsCode }
}

/** By our own consume queues, which mend nothing in them. */
async function readQueues(storePath: string): Promise<Map<string, Entry[]>> {
  const files = new OpenFiles(nodeDisk, 16, { mode: 'write' })
  const queues = await ConsumeQueues.open({
    disk: nodeDisk,
    files,
    directory: join(storePath, storeNames.consumeQueue),
    fileBytes: config.mappedFileSizeConsumeQueue,
    wasClosedCleanly: true,
  })
  assert.deepEqual(queues.findings.mended, [])
  const found = new Map<string, Entry[]>()
  for (const topic of queues.topics) {
    for (const [id, queue] of queues.of(topic)) {
      const read = await queue.read(queue.minOffset, queue.maxOffset)
      const entries = Array.from({ length: read.count }, (_, i) => ({
        position: read.position(i),
        size: read.size(i),
        tagsCode: read.tagsCode(i),
      }))
      found.set(join(topic, String(id)), entries)
    }
  }
  await queues.close()
  return found
}
