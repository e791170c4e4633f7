/** Files that vanish while a store is closed in order: nothing is skipped in silence, and nothing is appended behind a hole. */

import assert from 'node:assert/strict'
import { mkdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ErrorCode, HoldfastError } from '../../src/core/errors.js'
import { MessageStore } from '../../src/storage/message-store.js'
import {
  appendAll,
  dataPath,
  logOf,
  mib,
  openStore,
  readAll,
  recordingLogger,
  settingsWith,
  sizedBatch,
} from './support.js'

const withCode = (code: ErrorCode) => (error: unknown) => error instanceof HoldfastError && error.code === code

/** Three segments of about a mebibyte; the path of the second log file. */
async function threeSegments(t: TestContext, path: string): Promise<string> {
  const store = await openStore(t, path, { settings: settingsWith({ 'log.segment.bytes': mib }) })
  await store.createTopic({ name: 'orders', partitions: 1 })
  await appendAll(
    logOf(store),
    Array.from({ length: 50 }, () => sizedBatch(50_000)),
  )
  await store.close()
  return join(path, 'log/orders-0/00000000000000000020.log')
}

for (const [how, harm] of [
  ['is gone', (file: string) => rm(file)],
  ['has lost its last bytes', (file: string) => truncate(file, 999_000)],
] as const) {
  test(`a segment in the middle that ${how} is reported to its first reader, and closes the log to appends`, async (t) => {
    const path = await dataPath(t)
    await harm(await threeSegments(t, path))
    const logger = recordingLogger()
    const store = await openStore(t, path, { logger })
    const log = logOf(store)
    await assert.rejects(readAll(log), withCode('LOG_DAMAGED'))
    assert.equal(log.failure?.code, 'LOG_DAMAGED')
    assert.equal(log.damage, log.failure)
    assert.throws(() => log.append(sizedBatch(100)), withCode('LOG_DAMAGED'))
    assert.ok(logger.said.some(({ level }) => level === 'error'))
    assert.ok((await log.read(0, mib)).sizeInBytes > 0, 'what lies before it is served')
  })
}

test('a log directory that is empty although topics are listed is not taken for a new one', async (t) => {
  const path = await dataPath(t)
  await threeSegments(t, path)
  await rm(join(path, 'log'), { recursive: true })
  await mkdir(join(path, 'log'))
  for (const attempt of ['first', 'second']) {
    await assert.rejects(MessageStore.open(path), withCode('DATA_DIR_DAMAGED'), attempt)
  }
})

test('an empty path is no data directory', async () => {
  await assert.rejects(MessageStore.open(''), withCode('INVALID_ARGUMENT'))
})
