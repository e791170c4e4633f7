import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { DiskFile } from '../../src/files/disk.js'
import { descriptorsUnder, mib, temporaryDirectory, whenEnded } from '../storage/support.js'
import { type Engine, engines } from './engines.js'

/** Bytes that tell their position, so that one in the wrong place shows. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = 1 + ((i * 31 + seed * 17 + (i >> 8)) % 255)
  return bytes
}

async function bytesAt(file: DiskFile, position: number, length: number): Promise<Buffer> {
  const found = Buffer.alloc(length)
  return found.subarray(0, await file.read(found, position))
}

for (const engine of engines()) {
  const { disk, hasTail } = engine
  const reopen = (path: string) => disk.open(path, { mode: 'create', ...engine.options })
  const opened = async (t: TestContext) => {
    const directory = await temporaryDirectory(t)
    await disk.makeDirectory(directory)
    const path = join(directory, 'file')
    const file = await reopen(path)
    whenEnded(t, () => file.close())
    return { directory, path, file }
  }

  describe(`a file, ${engine.name}`, () => {
    test('holds what was written, before and after sync, close and reopening', async (t) => {
      const { directory, path, file } = await opened(t)
      const bytes = pattern(70_000, 1)
      await file.write([bytes.subarray(0, 100), Buffer.alloc(0), bytes.subarray(100)], 0)
      await file.write([], 5)
      assert.deepEqual(await bytesAt(file, 0, bytes.length), bytes)
      await file.sync()
      await file.write([pattern(10, 2)], bytes.length)
      await file.write([pattern(10, 3)], 50)
      await file.sync()
      await file.sync()
      await file.close()
      await file.close()
      assert.deepEqual((await descriptorsUnder(directory)) ?? [], [])
      const expected = Buffer.concat([bytes, pattern(10, 2)])
      pattern(10, 3).copy(expected, 50)
      const again = await reopen(path)
      assert.deepEqual(await bytesAt(again, 0, expected.length), expected)
      if (!hasTail) assert.equal(await again.size(), expected.length)
      await again.write([pattern(5, 4)], expected.length)
      await again.sync()
      assert.deepEqual(await bytesAt(again, 0, expected.length), expected)
      assert.deepEqual(await bytesAt(again, expected.length, 5), pattern(5, 4))
      await again.close()
    })

    test('grows across pieces and windows, with many buffers over each border', async (t) => {
      const { path, file } = await opened(t)
      // One buffer ends on the border, one crosses it; the mapped file's windows begin and end at these.
      const borders = [64 * 1024, mib, 2 * mib, 3 * mib, 7 * mib, 15 * mib, 31 * mib]
      // A disk in memory copies all of it at each write.
      const few = engine.name.includes('memory') ? borders.slice(0, 2) : borders
      for (const [index, border] of few.entries()) {
        const parts = [pattern(300, index), pattern(4000, index + 1), pattern(1, index + 2), pattern(6000, index + 3)]
        await file.write(parts, border - 4300)
        if (index % 2 === 0) await file.sync()
      }
      await file.sync()
      await file.close()
      const again = await reopen(path)
      for (const [index, border] of few.entries()) {
        const parts = [pattern(300, index), pattern(4000, index + 1), pattern(1, index + 2), pattern(6000, index + 3)]
        assert.deepEqual(await bytesAt(again, border - 4300, 10_301), Buffer.concat(parts), `border ${border}`)
      }
      await again.close()
    })

    test('is cut where it is told to, and what is written behind the cut begins with zeros', async (t) => {
      const { path, file } = await opened(t)
      await file.write([pattern(200_000, 1)], 0)
      await file.truncate(70_001)
      assert.equal(await file.size(), 70_001)
      assert.equal((await bytesAt(file, 70_001, 10)).length, 0)
      await file.write([pattern(10, 2)], 70_101)
      await file.sync()
      const expected = Buffer.concat([pattern(200_000, 1).subarray(0, 70_001), Buffer.alloc(100), pattern(10, 2)])
      assert.deepEqual(await bytesAt(file, 0, expected.length), expected)
      await file.truncate(0)
      assert.equal(await file.size(), 0)
      await file.write([pattern(10, 3)], 0)
      await file.close()
      const again = await reopen(path)
      assert.deepEqual(await bytesAt(again, 0, 10), pattern(10, 3))
      await again.close()
    })

    test('prepare gives zeros, makes the file long enough, and leaves every byte outside alone', async (t) => {
      const { file } = await opened(t)
      await file.write([pattern(1000, 1)], 0)
      await file.prepare(5, 5, 'zero')
      await file.prepare(1000, 90_000, 'zero')
      assert.ok((await file.size()) >= 90_000)
      const expected = Buffer.concat([pattern(1000, 1), Buffer.alloc(89_000)])
      assert.deepEqual(await bytesAt(file, 0, 90_000), expected)
      // Zeros over bytes that are there.
      await file.prepare(900, 950, 'zero')
      expected.fill(0, 900, 950)
      await file.write([pattern(50, 2)], 40_000)
      pattern(50, 2).copy(expected, 40_000)
      // A reservation keeps what is there, wherever it begins.
      await file.prepare(0, 200_000, 'fallocate')
      await file.prepare(0, 100, 'fallocate')
      assert.deepEqual(await bytesAt(file, 0, 90_000), expected)
      assert.ok((await bytesAt(file, 90_000, 200_000)).every((byte) => byte === 0))
      await file.write([pattern(50, 3)], 199_990)
      await file.sync()
      assert.deepEqual(await bytesAt(file, 199_990, 50), pattern(50, 3))
      assert.deepEqual(await bytesAt(file, 0, 90_000), expected)
    })

    test('warming changes nothing and never fails, also beyond the end and after close', async (t) => {
      const { file } = await opened(t)
      for (const how of ['touch', 'lock'] as const) await file.warm(0, mib, how)
      await file.write([pattern(100_000, 1)], 0)
      const size = await file.size()
      for (const how of ['touch', 'lock'] as const) {
        await file.warm(0, 100_000, how)
        await file.warm(99_000, 10 * mib, how)
        await file.warm(10 * mib, 20 * mib, how)
      }
      assert.equal(await file.size(), size)
      assert.deepEqual(await bytesAt(file, 0, 100_000), pattern(100_000, 1))
      const warming = file.warm(0, 100_000, 'touch')
      await file.close()
      await warming
      await file.warm(0, 1000, 'lock')
    })

    test('does what a buffer in memory would do, whatever the order of calls', async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
          await runSteps(t, engine, steps)
        }),
        { numRuns: 30 },
      )
    })
  })
}

type Step =
  | { do: 'write'; at: number; lengths: number[]; seed: number }
  | { do: 'sync' }
  | { do: 'reopen' }
  | { do: 'truncate'; share: number }
  | { do: 'prepare'; length: number; how: 'zero' | 'fallocate' }
  | { do: 'warm'; at: number; how: 'touch' | 'lock' }

const reach = 300_000
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      at: fc.nat(reach),
      lengths: fc.array(fc.nat(40_000), { maxLength: 4 }),
      seed: fc.nat(250),
    }),
  },
  fc.record({ do: fc.constant('sync' as const) }),
  fc.record({ do: fc.constant('reopen' as const) }),
  fc.record({ do: fc.constant('truncate' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    do: fc.constant('prepare' as const),
    length: fc.nat(100_000),
    how: fc.constantFrom('zero' as const, 'fallocate' as const),
  }),
  fc.record({
    do: fc.constant('warm' as const),
    at: fc.nat(reach),
    how: fc.constantFrom('touch' as const, 'lock' as const),
  }),
)

/** Against a model that knows each byte; behind the model's end a mapped file holds zeros only. */
async function runSteps(t: TestContext, { disk, options, hasTail }: Engine, steps: readonly Step[]): Promise<void> {
  const directory = await temporaryDirectory(t)
  await disk.makeDirectory(directory)
  const path = join(directory, 'file')
  let file = await disk.open(path, { mode: 'create', ...options })
  let model = Buffer.alloc(0)
  const grown = (length: number) => Buffer.concat([model, Buffer.alloc(Math.max(0, length - model.length))])
  for (const one of steps) {
    if (one.do === 'sync') await file.sync()
    else if (one.do === 'reopen') {
      await file.close()
      file = await disk.open(path, { mode: 'write', ...options })
    } else if (one.do === 'truncate') {
      const length = Math.floor(model.length * one.share)
      await file.truncate(length)
      model = Buffer.from(model.subarray(0, length))
    } else if (one.do === 'prepare') {
      const end = model.length + one.length
      await file.prepare(model.length, end, one.how)
      if (one.how === 'zero') model = grown(end)
    } else if (one.do === 'warm') await file.warm(one.at, one.at + 50_000, one.how)
    else {
      const buffers = one.lengths.map((length, index) => pattern(length, one.seed + index))
      const all = Buffer.concat(buffers)
      await file.write(buffers, one.at)
      if (all.length === 0) continue
      model = grown(one.at + all.length)
      all.copy(model, one.at)
    }
    const found = await bytesAt(file, 0, await file.size())
    assert.deepEqual(found.subarray(0, model.length), model)
    assert.ok(found.subarray(model.length).every((byte) => byte === 0))
    const reservedByPrepare = steps.some((other) => other.do === 'prepare' && other.how === 'fallocate')
    if (!hasTail && !reservedByPrepare) assert.equal(found.length, model.length)
  }
  await file.close()
}
