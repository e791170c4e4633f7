/** Every kind of file of RocketMQ's directory, harmed in each of its fields, or gone: verify finds it. */

import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../../../sim/memory-disk.js'
import { diskWith, type Files, filesOf, withFile } from '../../../../sim/stored-files.js'
import type { VerifyReport } from '../../../../src/storage/inspect/verify.js'
import { MessageStore } from '../../../../src/storage/message-store.js'
import { type ForeignMessage, foreignMessage } from '../../commitlog/foreign-message.js'
import { appendAll, logOf } from '../../support.js'
import { brief, check as checkWith, codes, dataPath, flipped } from '../world.js'
import { harmsOf, indexFiles, zeroed } from './harms.js'
import {
  commitLogFiles,
  commitLogTools,
  fileBytes,
  keyed,
  logFile,
  queueFile,
  smallStore,
  snapshotFile,
  storePath,
  writtenStore,
} from './world.js'

let closed: Files

before(async () => {
  closed = await commitLogFiles()
})

const check = async (files: Files, path?: string): Promise<VerifyReport> =>
  checkWith(await diskWith(files), path, { settings: smallStore })

const whole = (path: string) => closed.get(path) as Buffer
const harmed = (path: string, bytes: Buffer | undefined) => withFile(closed, path, bytes)
const worse = ({ findings }: VerifyReport) => findings.filter(({ severity }) => severity !== 'note')

describe('a sound store has nothing to be found', () => {
  test('that was closed in order, with files of queues and index that follow each other; and verify changes nothing', async () => {
    const files = await commitLogFiles({ count: 600 })
    assert.deepEqual([indexFiles(files).length, files.has(queueFile('orders', 0, 200))], [7, true])
    const disk = await diskWith(files)
    const report = await checkWith(disk, dataPath, { settings: smallStore })
    assert.deepEqual(report.findings, [])
    assert.equal(report.partitions, 4)
    assert.ok(report.bytes >= 8 * fileBytes)
    const locks = /(\/|\.)lock$/
    const after = [...(await filesOf(disk, dataPath))].filter(([path]) => !locks.test(path))
    assert.deepEqual(after.sort(), [...files].filter(([path]) => !locks.test(path)).sort())
  })

  test('that was killed, before and after its queues were written down', async () => {
    assert.deepEqual((await check(await commitLogFiles({ closed: false }))).findings, [])
    const disk = await diskWith(closed)
    const store = await MessageStore.open(dataPath, commitLogTools(disk))
    for (let i = 0; i < 80; i++) await appendAll(logOf(store, 'orders', 1), [keyed(i)])
    await store.flush()
    const files = await filesOf(disk.afterKill(), dataPath)
    assert.ok(files.has(snapshotFile) && files.has(`${storePath}/abort`))
    assert.deepEqual((await check(files)).findings, [])
  })

  test('of which a topic was deleted, and made anew', async () => {
    const disk = new MemoryDisk()
    const store = await writtenStore(disk, 40)
    await store.deleteTopic('orders')
    await store.createTopic({ name: 'orders', partitions: 2, config: { 'storage.layout': 'commitlog' } })
    for (let i = 0; i < 30; i++) await appendAll(logOf(store, 'orders', 1), [keyed(i)])
    await store.deleteTopic('events')
    await store.close()
    assert.deepEqual((await check(await filesOf(disk, dataPath))).findings, [])
  })

  test('that ends with the blank of a file, since what was begun in the next one was lost', async () => {
    const files = new Map(await commitLogFiles({ closed: false, count: 80 }))
    assert.ok(files.delete(logFile(1)))
    const disk = await diskWith(files)
    const store = await MessageStore.open(dataPath, commitLogTools(disk))
    await store.close()
    assert.ok(!(await filesOf(disk, dataPath)).has(logFile(1)))
    assert.deepEqual(worse(await checkWith(disk, dataPath, { settings: smallStore })), [])
  })

  test('of which old files were deleted', async () => {
    const files = new Map(closed)
    files.delete(logFile(0))
    assert.deepEqual(worse(await check(files)), [])
  })
})

test('whatever is harmed in whichever file is found, and named', async () => {
  for (const { name, path, apply } of harmsOf(closed)) {
    const report = await check(harmed(path, apply(closed.get(path) ?? Buffer.alloc(0))))
    // What is wrong with a queue, or an index as a whole, is said of its directory.
    const isNamed = report.findings.some((finding) => finding.path === path || dirname(path) === finding.path)
    const isLog = path.startsWith(`${storePath}/commitlog/`) && report.findings.length > 0
    assert.ok(isNamed || isLog, `${name}: ${brief(report).join(', ')}`)
  }
})

test('a flipped bit anywhere in a message of ours is an error, and in what follows from them a warning at least', async () => {
  const log = whole(logFile(0))
  const used = log.indexOf(Buffer.from('cbd43194', 'hex')) - 4
  await fc.assert(
    fc.asyncProperty(fc.nat(used - 1), fc.nat(7), async (at, bit) => {
      const report = await check(harmed(logFile(0), flipped(log, at, bit)))
      assert.ok(worse(report).some(({ code, path }) => code === 'message-damaged' && path === logFile(0)))
    }),
    { numRuns: 40 },
  )
  const [index] = indexFiles(closed)
  const cases: readonly (readonly [path: string, bytes: number])[] = [
    [queueFile('orders'), 75 * 20],
    [snapshotFile, whole(snapshotFile).length],
    [index, 40],
  ]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...cases), fc.nat(), fc.nat(7), async ([path, bytes], at, bit) => {
      const report = await check(harmed(path, flipped(whole(path), at % bytes, bit)))
      assert.ok(worse(report).length > 0, `${path} ${at % bytes}`)
    }),
    { numRuns: 40 },
  )
})

test('whatever the bytes of the files are, verify comes to an end with a report', async () => {
  const paths = [...closed.keys()].filter((path) => path.includes('/store'))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      async (path, at, bytes) => {
        const changed = Buffer.from(whole(path))
        if (changed.length === 0) return
        changed.set(bytes.subarray(0, changed.length - (at % changed.length)), at % changed.length)
        await check(harmed(path, changed))
        await check(harmed(path, Buffer.from(bytes)))
      },
    ),
    { numRuns: 60 },
  )
})

describe('damage in the middle of the log', () => {
  test('is told with what is lost, and all behind it is read', async () => {
    const report = await check(harmed(logFile(0), flipped(whole(logFile(0)), 300)))
    assert.deepEqual(brief(report), [`error message-damaged ${logFile(0)}`])
    const second = await check(harmed(logFile(1), zeroed(whole(logFile(1)), 2000, 6000)))
    const found = new Set(codes(second))
    assert.deepEqual(
      found,
      new Set(['message-damaged', 'offsets-missing', 'batch-partial'].filter((one) => found.has(one as never))),
    )
    assert.ok(found.has('message-damaged') && found.has('offsets-missing'))
  })

  test('of a missing file is a hole', async () => {
    const report = await check(harmed(logFile(1), undefined))
    assert.ok(brief(report).includes(`error positions-missing ${logFile(2)}`))
    assert.ok(codes(report).includes('offsets-missing'))
    assert.ok(!codes(report).includes('queue-wrong'))
  })

  test('near the end of a store that was killed is what a write left that was interrupted', async () => {
    const files = await commitLogFiles({ closed: false })
    const torn = withFile(files, logFile(2), flipped(files.get(logFile(2)) as Buffer, 500))
    assert.deepEqual(brief(await check(torn)), [`warning torn-tail ${logFile(2)}`])
    // Where the end is a batch of which messages are missing.
    const log = files.get(logFile(0)) as Buffer
    const events = [...log.toString('latin1').matchAll(/events/g)].map(({ index }) => index)
    const start = log.lastIndexOf(Buffer.from('daa320a7', 'hex'), events[1]) - 4
    const partial = new Map([...files].filter(([path]) => path !== logFile(1) && path !== logFile(2)))
    partial.set(logFile(0), zeroed(log, start, log.length))
    assert.deepEqual(brief(await check(partial)), [`warning torn-tail ${logFile(0)}`])
  })
})

describe('what the next start sees to is a warning', () => {
  test('a queue that is behind or ahead of its commit log, and an index that ends early', async () => {
    const cut = harmed(queueFile('orders'), zeroed(whole(queueFile('orders')), 70 * 20, 75 * 20))
    assert.deepEqual(brief(await check(cut)), [`warning queue-behind ${storePath}/consumequeue/orders/0`])
    const bytes = Buffer.from(whole(queueFile('orders')))
    bytes.set(Buffer.from('0000000000f00000000002bc0000000000000000', 'hex'), 75 * 20)
    const ahead = await check(harmed(queueFile('orders'), bytes))
    assert.deepEqual(brief(ahead), [`warning queue-ahead ${storePath}/consumequeue/orders/0`])
    const files = new Map(closed)
    for (const path of indexFiles(closed)) files.delete(path)
    assert.deepEqual(brief(await check(files)), [`warning message-index-behind ${storePath}/index`])
  })

  test('an index without the first of its files says which keys are missing', async () => {
    const report = await check(harmed(indexFiles(closed)[0], undefined))
    assert.deepEqual(brief(report), [`warning message-index-wrong ${storePath}/index`])
  })
})

describe('names and sizes', () => {
  test('what keeps the store from opening is an error, in the commit log and in a queue', async () => {
    const stray = new Map([...closed, [`${storePath}/commitlog/.DS_Store`, Buffer.from('x')]])
    assert.deepEqual(brief(await check(stray)), [`error foreign-file ${storePath}/commitlog/.DS_Store`])
    const short = harmed(queueFile('events'), whole(queueFile('events')).subarray(0, 1960))
    assert.deepEqual(brief(await check(short)), [`error file-size-wrong ${queueFile('events')}`])
  })

  test('an empty file that was made for what comes next is none', async () => {
    const files = new Map([...closed, [logFile(3), Buffer.alloc(0)]])
    assert.deepEqual(brief(await check(files)), [`note leftover ${logFile(3)}`])
  })

  test('a store that was written with other sizes is read with those, and told so', async () => {
    const report = await checkWith(await diskWith(closed), dataPath)
    assert.deepEqual(
      brief(report).filter((one) => one.startsWith('note')),
      [`note file-size-wrong ${storePath}/commitlog`, `note file-size-wrong ${storePath}/consumequeue`],
    )
    assert.ok(report.findings.every(({ severity }) => severity !== 'error'))
  })
})

test('the store, a directory in it and a file of it can be asked for alone', async () => {
  const files = withFile(harmed(logFile(0), flipped(whole(logFile(0)), 300)), queueFile('events'), undefined)
  const all = await check(files, storePath)
  assert.deepEqual(new Set(codes(all)), new Set(['message-damaged', 'queue-behind']))
  assert.deepEqual(new Set(codes(await check(files, `${storePath}/commitlog`))), new Set(['message-damaged']))
  assert.deepEqual(codes(await check(files, `${storePath}/consumequeue/orders/0`)), [])
  assert.deepEqual(codes(await check(files, snapshotFile)), [])
  assert.deepEqual(codes(await check(files, `${dataPath}/log`)), [])
})

describe('what RocketMQ wrote', () => {
  const path = '/rocketmq/store'
  const storeOf = (messages: readonly Partial<ForeignMessage>[]): Files => {
    let position = 0
    const parts = messages.map((fields) => {
      const bytes = foreignMessage({ ...fields, position })
      position += bytes.length
      return bytes
    })
    const bytes = Buffer.concat([...parts, Buffer.alloc(fileBytes - position)])
    return new Map([
      [`${path}/commitlog/00000000000000000000`, bytes],
      [`${path}/abort`, Buffer.from('1')],
    ])
  }

  test('is checked without a data directory around it; what it has not derived yet is none of the findings', async () => {
    const messages = Array.from({ length: 20 }, (_, i) => ({ queueOffset: i, properties: `KEYS\x01k${i}\x02` }))
    assert.deepEqual((await check(storeOf(messages), path)).findings, [])
  })

  test('that lacks offsets, has some twice, or goes back in time is found', async () => {
    const lacking = [0, 1, 3].map((queueOffset) => ({ queueOffset }))
    assert.deepEqual(codes(await check(storeOf(lacking), path)), ['offsets-missing'])
    const twice = [0, 1, 1, 2].map((queueOffset) => ({ queueOffset }))
    assert.deepEqual(codes(await check(storeOf(twice), path)), ['offsets-overlap'])
    const back = [5000, 4000].map((storeTimestamp, queueOffset) => ({ storeTimestamp, queueOffset }))
    assert.deepEqual(codes(await check(storeOf(back), path)), ['timestamp-wrong'])
  })

  test('of a topic that was deleted and made anew, of which RocketMQ keeps no record, goes on from 0', async () => {
    const again = [0, 1, 2, 0, 1].map((queueOffset) => ({ queueOffset }))
    assert.deepEqual((await check(storeOf(again), path)).findings, [])
  })

  test('prepared and rolled back messages have no place in a queue', async () => {
    const messages = [{ queueOffset: 0 }, { sysFlag: 4 }, { sysFlag: 12 }, { queueOffset: 1, sysFlag: 8 }]
    assert.deepEqual((await check(storeOf(messages), path)).findings, [])
  })
})

test('queues that no topic names are told where the next start takes them over', async () => {
  const withQueue = async (topic: string): Promise<string[]> => {
    const disk = await diskWith(closed)
    const store = await MessageStore.open(dataPath, commitLogTools(disk))
    await store.createTopic({ name: 'taken', partitions: 1, config: { 'storage.layout': 'commitlog' } })
    await appendAll(logOf(store, 'taken'), [keyed(1)])
    await store.close()
    const path = `${dataPath}/config/topics.json`
    const catalog = String(await disk.readFile(path)).replace('"taken"', `"${topic}"`)
    await disk.replaceFile(path, Buffer.from(catalog))
    return codes(await checkWith(disk, dataPath, { settings: smallStore }))
  }
  assert.deepEqual(await withQueue('taken'), [])
  assert.deepEqual(await withQueue('other'), ['directory-unlisted'])
})
