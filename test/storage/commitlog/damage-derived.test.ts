/**
 * What a commit log's snapshot and key index are worth when they are damaged or of another time, and what becomes of a log
 * that RocketMQ went on with: nothing is lost, and nothing that lay behind the end comes back.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { batchesIn } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { readRecords } from '../../../src/records/reader.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { positionFileName } from '../../../src/storage/commitlog/format.js'
import { batchOf } from '../support.js'
import {
  assertSame,
  type Content,
  contentOf,
  type DamageWorld,
  damageWorld,
  fileBytes,
  fill,
  flip,
  overwrite,
  setLength,
} from './damage-world.js'
import { foreignMessage } from './foreign-message.js'
import { append } from './store-world.js'

interface Filled {
  readonly world: DamageWorld
  readonly content: Content
  /** An earlier snapshot of the same log. */
  readonly earlier: Buffer
  readonly end: number
}

/** Three files, and a snapshot in the second. */
async function filled({ closed = true } = {}): Promise<Filled> {
  const world = damageWorld()
  const store = await world.open()
  await fill(store, 2)
  await store.checkpoint()
  const earlier = await world.memory.readFile(world.snapshotPath)
  assert.ok(earlier)
  await fill(store, 3)
  const content = await contentOf(store)
  const end = store.endPosition
  if (closed) assert.equal(await store.close(), true)
  else await store.checkpoint()
  return { world, content, earlier, end }
}

async function assertGoesOn(store: CommitLogStore, world: DamageWorld): Promise<void> {
  for (const queue of store.queues()) await append(queue, batchOf(['more']))
  const content = await contentOf(store)
  assert.equal(await store.close(), true)
  const again = await world.open()
  assertSame(await contentOf(again), content)
  await again.close()
}

describe('the snapshot of the queues', () => {
  const damages: Record<string, (filled: Filled) => Promise<void>> = {
    gone: ({ world }) => world.memory.remove(world.snapshotPath),
    empty: ({ world }) => setLength(world.memory, world.snapshotPath, 0),
    torn: ({ world }) => setLength(world.memory, world.snapshotPath, 70),
    flipped: ({ world }) => flip(world.memory, world.snapshotPath, 30),
    'of an earlier time': ({ world, earlier }) => world.memory.replaceFile(world.snapshotPath, earlier),
  }
  for (const [what, damage] of Object.entries(damages)) {
    for (const closed of [true, false]) {
      test(`${what}, ${closed ? 'closed' : 'killed'}: the log is read again, and all is there`, async () => {
        const found = await filled({ closed })
        await damage(found)
        const store = await found.world.open()
        assert.equal(store.report.damage, undefined)
        assert.equal(store.report.isRebuilt, what !== 'of an earlier time')
        assertSame(await contentOf(store), found.content)
        await assertGoesOn(store, found.world)
      })
    }
  }

  test('of another log is not believed', async () => {
    const { world, content } = await filled()
    const other = damageWorld()
    const store = await other.open()
    await append(store.ensureQueue('others', 3), batchOf(['one']))
    await store.close()
    const foreign = await other.memory.readFile(other.snapshotPath)
    assert.ok(foreign)
    await world.memory.replaceFile(world.snapshotPath, foreign)
    const again = await world.open()
    assert.equal(again.report.isRebuilt, true)
    assertSame(await contentOf(again), new Map([...content, ['others-3', []]]))
    await again.close()
  })
})

describe('the key index', () => {
  /** Records with a key each, found by it. */
  async function withKeys(): Promise<{
    world: DamageWorld
    store: CommitLogStore
    assertFinds(store: CommitLogStore): Promise<void>
  }> {
    const world = damageWorld()
    const store = await world.open()
    const key = (i: number) => Buffer.from(`key-${i}`)
    for (let i = 0; i < 900; i += 3) {
      const records = [0, 1, 2].map((n) => ({ key: key(i + n), value: Buffer.from(`${i + n}`), timestamp: 1000 + i }))
      await append(store.ensureQueue('orders', 0), buildBatch(records))
    }
    const times = { minTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER }
    return {
      world,
      store,
      async assertFinds(found) {
        const finder = found.finder('orders', 0)
        for (let i = 0; i < 900; i += 7) {
          const search = { kind: 'key' as const, bytes: key(i), minOffset: 0, endOffset: 1e6, ...times, limit: 3 }
          assert.deepEqual(
            (await finder?.find(search))?.map(({ offset }) => offset),
            [i],
          )
        }
      },
    }
  }

  const damages: Record<string, (world: DamageWorld, paths: readonly string[]) => Promise<void>> = {
    'the first file is gone': ({ memory }, [first]) => memory.remove(first),
    'the last file is gone': ({ memory }, paths) => memory.remove(paths[paths.length - 1]),
    'all are gone': ({ memory, directory }) => memory.remove(join(directory, 'index')),
    'a file is short': ({ memory }, [first]) => setLength(memory, first, 100),
    'a header is flipped': ({ memory }, [first]) => flip(memory, first, 37),
    'the slots of the last are rubbish': ({ memory }, paths) =>
      overwrite(memory, paths[paths.length - 1], Buffer.alloc(400, 0xff), 40),
    'every chain is a cycle': async ({ memory }, [first]) => {
      for (let entry = 1; entry < 400; entry++) {
        const previous = 40 + 400 + entry * 20 + 16
        await overwrite(memory, first, Buffer.from([0, 0, entry >> 8, entry & 0xff]), previous)
      }
    },
  }
  for (const [what, damage] of Object.entries(damages)) {
    for (const closed of [true, false]) {
      test(`${what}, ${closed ? 'closed' : 'killed'}: every key is found`, async () => {
        const { world, store, assertFinds } = await withKeys()
        await assertFinds(store)
        const content = await contentOf(store)
        if (closed) await store.close()
        else await store.checkpoint()
        const paths = await world.pathsIn(join(world.directory, 'index'))
        assert.ok(paths.length >= 3)
        await damage(world, paths)
        const again = await world.open()
        assert.equal(again.report.damage, undefined)
        assertSame(await contentOf(again), content)
        await assertFinds(again)
        await again.close()
      })
    }
  }
})

describe('a log that RocketMQ went on with', () => {
  /** Puts messages of RocketMQ behind the end, as it does; `queueOffset` of the first. */
  async function putForeign(world: DamageWorld, end: number, queueOffset: number, count: number): Promise<number> {
    let position = end
    for (let i = 0; i < count; i++) {
      const properties = `KEYS\x01native-${i}\x02`
      const place = { topic: 'orders', queueId: 0, queueOffset: queueOffset + i, position }
      const bytes = foreignMessage({ ...place, body: Buffer.from(`native ${i}`), properties })
      await overwrite(
        world.memory,
        join(world.commitLog, positionFileName(position - (position % fileBytes))),
        bytes,
        position % fileBytes,
      )
      position += bytes.length
    }
    return position
  }

  async function valuesOf(store: CommitLogStore, from: number): Promise<string[]> {
    const { records } = await store.ensureQueue('orders', 0).read(from, 1 << 20)
    const batches = records.flatMap((bytes) => [...batchesIn(bytes)])
    return batches.flatMap((batch) => readRecords(batch).map(({ value }) => String(value)))
  }

  for (const closed of [true, false]) {
    test(`${closed ? 'and closed' : 'and was killed'}: its messages are read, and ours follow`, async () => {
      const { world, end } = await filled()
      const offset = Number((await reopened(world)).get(0))
      await putForeign(world, end, offset, 5)
      if (!closed) await overwrite(world.memory, join(world.directory, 'abort'), Buffer.from('1'))
      const store = await world.open()
      assert.equal(store.report.damage, undefined)
      assert.deepEqual(
        await valuesOf(store, offset),
        [0, 1, 2, 3, 4].map((i) => `native ${i}`),
      )
      await append(store.ensureQueue('orders', 0), batchOf(['ours']))
      assert.deepEqual((await valuesOf(store, offset)).at(-1), 'ours')
      await assertGoesOn(store, world)
    })
  }

  test('what it did not believe of a torn tail never comes back', async () => {
    const { world, end } = await filled()
    const offset = Number((await reopened(world)).get(0))
    const behind = await putForeign(world, end, offset, 1)
    // A message that a power failure kept though it lost the one before: it is sound, and lies where ours may end.
    const probe = await world.open()
    const batch = batchOf(['x'])
    await append(probe.ensureQueue('orders', 0), batch)
    const stale = probe.endPosition
    await probe.close()
    await overwrite(
      world.memory,
      join(world.commitLog, positionFileName(end - (end % fileBytes))),
      Buffer.alloc(stale - behind),
      behind % fileBytes,
    )
    await putForeign(world, stale, offset + 2, 1)
    // RocketMQ's queues do not know of it, and its snapshot is none of ours.
    await world.memory.remove(world.snapshotPath)
    await world.memory.remove(join(world.directory, 'consumequeue'))
    const store = await world.open()
    assert.equal(store.endPosition, behind)
    await append(store.ensureQueue('orders', 0), batchOf(['x']))
    assert.equal(store.endPosition, stale)
    const killed = await world.open()
    assert.equal(killed.endPosition, stale)
    assert.deepEqual(await valuesOf(killed, offset), ['native 0', 'x'])
    await killed.close()
  })

  test('a message before which its queue lacks another is damage: what is before is read, and nothing is cut', async () => {
    const { world, end, content } = await filled()
    const offset = Number((await reopened(world)).get(0))
    await putForeign(world, end, offset + 5, 2)
    const store = await world.open()
    assert.match(store.report.damage ?? '', new RegExp(`has offset ${offset + 5}, and the next of .* is ${offset}`))
    assertSame(await contentOf(store), content)
    assert.throws(() => store.ensureQueue('orders', 1).append(batchOf(['no'])), { code: 'LOG_DAMAGED' })
    assert.equal(await store.close(), false)
    const path = join(world.commitLog, positionFileName(end - (end % fileBytes)))
    assert.notEqual((await world.memory.readFile(path))?.readInt32BE(end % fileBytes), 0)
  })

  async function reopened(world: DamageWorld): Promise<Map<number, number>> {
    const store = await world.open()
    const ends = [...store.queues()].map(({ partition, highWatermark }) => [partition, highWatermark] as const)
    assert.equal(await store.close(), true)
    return new Map(ends)
  }
})
