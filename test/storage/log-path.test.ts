/** `store.path.commitlog`: logs that lie elsewhere are used, locked, found again, and never mixed up with others. */

import assert from 'node:assert/strict'
import { readdir, rename, rm } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MessageStore } from '../../src/storage/message-store.js'
import { batchOf, dataPath, logOf, openStore, readAll, settingsWith, temporaryDirectory } from './support.js'

async function open(t: TestContext, path: string, logPath: string) {
  return openStore(t, path, { settings: settingsWith({ 'store.path.commitlog': logPath }) })
}

/** A store with one message in the topic `orders`, closed. */
async function filled(t: TestContext, path: string, logPath: string): Promise<void> {
  const store = await open(t, path, logPath)
  await store.createTopic({ name: 'orders', partitions: 1 })
  await logOf(store).append(batchOf(['a'])).acknowledged
  await store.close()
}

const damaged = (message: RegExp) => ({ code: 'DATA_DIR_DAMAGED', message })

for (const [what, place] of [
  ['an absolute path', async (t: TestContext) => join(await temporaryDirectory(t), 'deep/logs')],
  ['a path relative to the data directory', async () => '../beside/logs'],
] as const) {
  test(`${what} is used, and found again`, async (t) => {
    const path = await dataPath(t)
    const logPath = await place(t)
    const directory = isAbsolute(logPath) ? logPath : join(path, logPath)
    await filled(t, path, logPath)
    assert.ok((await readdir(directory)).includes('orders-0'))
    assert.ok(!(await readdir(path)).includes('log'))
    const again = await open(t, path, logPath)
    assert.equal((await readAll(logOf(again))).length, 1)
    // Another data directory does not get at the same logs.
    await assert.rejects(open(t, await dataPath(t), directory), { code: 'DATA_DIR_LOCKED' })
    await again.close()
  })
}

test('logs that were moved are found where the setting says', async (t) => {
  const path = await dataPath(t)
  await filled(t, path, '')
  await rename(join(path, 'log'), join(path, 'elsewhere'))
  const store = await open(t, path, 'elsewhere')
  assert.equal((await readAll(logOf(store))).length, 1)
})

test('a log directory that is missing, or that the setting forgot, is not taken for a new one', async (t) => {
  const path = await dataPath(t)
  await filled(t, path, 'elsewhere')
  await assert.rejects(MessageStore.open(path), damaged(/log is empty, but .* lists topics/))
  await rm(join(path, 'elsewhere'), { recursive: true })
  for (const _ of ['first', 'second']) {
    await assert.rejects(open(t, path, 'elsewhere'), damaged(/elsewhere is empty, but .* lists topics/))
  }
  assert.ok(!(await readdir(join(path, 'elsewhere'))).includes('orders-0'))
})

test('logs of another cluster are refused, and left to it', async (t) => {
  const [one, other] = [await dataPath(t), await dataPath(t)]
  await filled(t, one, '')
  await filled(t, other, '')
  await assert.rejects(open(t, one, join(other, 'log')), damaged(/holds the logs of cluster .*store\.path\.commitlog/))
  const store = await open(t, other, '')
  assert.equal((await readAll(logOf(store))).length, 1)
})

test('a place among the files of the store itself is refused', async (t) => {
  const path = await dataPath(t)
  for (const place of ['.', 'config', './x/..', join(path, 'config')]) {
    await assert.rejects(open(t, path, place), {
      code: 'INVALID_SETTING',
      message: /store\.path\.commitlog = .*\(code\)/,
    })
  }
})
