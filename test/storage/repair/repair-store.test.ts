/** Whatever file of RocketMQ's directory is harmed: repair lets the store open again, with every message or all before the damage. */

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import type { MemoryDisk } from '../../../sim/memory-disk.js'
import { diskWith, type Files, filesOf, withFile } from '../../../sim/stored-files.js'
import { type DumpRow, dump } from '../../../src/storage/inspect/dump.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { type RepairOptions, type RepairReport, repair } from '../../../src/storage/repair/repair.js'
import { harmsOf, zeroed } from '../inspect/commitlog/harms.js'
import {
  commitLogFiles,
  commitLogTools,
  keyed,
  logFile,
  queueFile,
  smallStore,
  storePath,
} from '../inspect/commitlog/world.js'
import { dataPath, flipped } from '../inspect/world.js'
import { appendAll, logOf, readAll } from '../support.js'

let closed: Files
let written: string[][]

const contents = async (store: MessageStore): Promise<string[][]> => {
  const logs = [logOf(store, 'orders'), logOf(store, 'orders', 1), logOf(store, 'events')]
  return Promise.all(logs.map(async (log) => (await readAll(log)).map(({ bytes }) => bytes.toString('latin1'))))
}

before(async () => {
  closed = await commitLogFiles()
  const store = await MessageStore.open(dataPath, commitLogTools(await diskWith(closed)))
  written = await contents(store)
  await store.close()
})

const mend = (disk: MemoryDisk, options: Partial<RepairOptions> = {}): Promise<RepairReport> =>
  repair(dataPath, { disk, clock: new ManualClock(), settings: smallStore, apply: true, ...options })

const errors = ({ findings }: RepairReport) => findings.filter(({ severity }) => severity === 'error')

/** What is read from the store, which takes messages again. */
async function opened(disk: MemoryDisk): Promise<string[][]> {
  const store = await MessageStore.open(dataPath, commitLogTools(disk))
  const found = await contents(store)
  await appendAll(logOf(store, 'orders'), [keyed(1)])
  await store.close()
  return found
}

test('after every harm, what repair leaves is opened, and holds all that was written, or all of it before the damage', async () => {
  for (const { name, path, apply } of harmsOf(closed)) {
    if (!path.includes('/store')) continue
    const disk = await diskWith(withFile(closed, path, apply(closed.get(path) as Buffer)))
    const report = await mend(disk, { choice: 'cut' })
    if (report.steps.some(({ kind }) => kind === 'manual')) continue
    assert.deepEqual(errors(report), [], name)
    const found = await opened(disk)
    for (const [i, log] of found.entries()) {
      const isLog = path.startsWith(`${storePath}/commitlog/`)
      assert.deepEqual(log, isLog ? written[i].slice(0, log.length) : written[i], name)
    }
  }
})

describe('messages that are lost', () => {
  test('need a choice; --cut ends the log before them and keeps what lay behind, byte by byte', async () => {
    const harmed = flipped(closed.get(logFile(1)) as Buffer, 30_000)
    const disk = await diskWith(withFile(closed, logFile(1), harmed))
    const asked = await mend(disk)
    assert.deepEqual(
      asked.steps.map(({ kind, path }) => [kind, path]),
      [['choose', logFile(1)]],
    )
    const refused = await mend(disk, { choice: 'skip' })
    assert.deepEqual(
      refused.steps.map(({ kind }) => kind),
      ['manual'],
    )
    assert.deepEqual(await disk.readFile(logFile(1)), harmed)
    const { quarantine, steps } = await mend(disk, { choice: 'cut' })
    const [, at] = /byte (\d+)/.exec(steps.at(-1)?.what ?? '') ?? []
    const kept = [...(await filesOf(disk, String(quarantine)))]
    const [part, bytes] = kept.find(([path]) => path.includes('.bytes-')) as [string, Buffer]
    const shown: DumpRow[] = []
    for await (const row of dump(disk, part)) shown.push(row)
    assert.ok(shown.filter(({ type }) => type === 'message').length > 20)
    assert.deepEqual(bytes, harmed.subarray(Number(at), Number(at) + bytes.length))
    assert.ok(kept.some(([path]) => path.endsWith(logFile(2).slice(dataPath.length))))
    const found = await opened(disk)
    assert.deepEqual(
      found,
      written.map((log, i) => log.slice(0, found[i].length)),
    )
    assert.ok(found[0].length > 30 && found[0].length < 60, `${found[0].length}`)
  })

  test('at the very end: --cut takes the last message alone, and the store goes on behind the others', async () => {
    const path = [...closed.keys()].filter((one) => one.startsWith(`${storePath}/commitlog/`)).sort()
    const last = path.findLast((one) => closed.get(one)?.readInt32BE(0) !== 0) as string
    const bytes = closed.get(last) as Buffer
    const sizes: number[] = []
    let end = 0
    for (let size = bytes.readInt32BE(0); size > 0; size = end < bytes.length ? bytes.readInt32BE(end) : 0) {
      sizes.push(size)
      end += size
    }
    const disk = await diskWith(withFile(closed, last, flipped(bytes, end - (sizes.at(-1) as number) + 100)))
    const { findings } = await mend(disk)
    assert.ok(findings.some(({ severity, path: of }) => severity === 'error' && of === last))
    assert.deepEqual(errors(await mend(disk, { choice: 'cut' })), [])
    const found = await opened(disk)
    const lost = written.map((log, i) => log.length - found[i].length)
    assert.equal(Math.max(...lost), 1)
    assert.deepEqual(
      found,
      written.map((log, i) => log.slice(0, found[i].length)),
    )
  })

  test('with a file that is gone: the log ends before the hole', async () => {
    const disk = await diskWith(withFile(closed, logFile(1), undefined))
    assert.deepEqual(errors(await mend(disk, { choice: 'cut' })), [])
    const found = await opened(disk)
    assert.deepEqual(
      found,
      written.map((log, i) => log.slice(0, found[i].length)),
    )
    assert.ok(found[0].length > 20)
  })
})

describe('what is derived', () => {
  test('and wrong is moved aside and made anew by the next start, with nothing lost', async () => {
    const disk = await diskWith(withFile(closed, queueFile('orders'), closed.get(queueFile('orders', 1))))
    const report = await mend(disk)
    assert.deepEqual(
      report.steps.map(({ kind, path }) => [kind, path]),
      [['do', `${storePath}/consumequeue/orders/0`]],
    )
    assert.deepEqual(errors(report), [])
    assert.deepEqual(await opened(disk), written)
  })

  test('and only behind is left to the next start', async () => {
    const short = zeroed(closed.get(queueFile('orders')) as Buffer, 70 * 20, 75 * 20)
    const disk = await diskWith(withFile(closed, queueFile('orders'), short))
    assert.deepEqual((await mend(disk)).steps, [])
    assert.deepEqual(await opened(disk), written)
  })
})

test('a stray file that keeps the store from opening is moved aside', async () => {
  const stray = `${storePath}/commitlog/.DS_Store`
  const disk = await diskWith(new Map([...closed, [stray, Buffer.from('x')]]))
  await assert.rejects(MessageStore.open(dataPath, commitLogTools(disk)), { code: 'DATA_DIR_DAMAGED' })
  const { steps } = await mend(disk)
  assert.deepEqual(
    steps.map(({ kind, path }) => [kind, path]),
    [['do', stray]],
  )
  assert.deepEqual(await opened(disk), written)
})

test('producer ids go on behind those that have written into the commit log', async () => {
  const ids = `${dataPath}/config/producer-ids.json`
  const disk = await diskWith(withFile(closed, ids, Buffer.from('{"version":1,"nextProducerId":3}')))
  assert.deepEqual(errors(await mend(disk)), [])
  assert.ok(JSON.parse(String(await disk.readFile(ids))).nextProducerId > 5)
})
