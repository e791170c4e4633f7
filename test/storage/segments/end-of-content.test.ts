import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { endOfContent } from '../../../src/storage/segments/end-of-content.js'
import { mib } from '../support.js'

async function fileOf(bytes: Buffer) {
  const file = await new MemoryDisk().open('/file', { mode: 'create' })
  await file.write([bytes], 0)
  return file
}

describe('the end of the content of a file that ends in zeros', () => {
  test('is behind the last byte that is not zero, wherever that lies', async () => {
    const around = (at: number) => [at - 1, at, at + 1]
    for (const size of [1, 100, mib - 1, mib, mib + 1, 2 * mib + 7]) {
      const places = [0, 1, ...around(size - mib), ...around(size - 2 * mib), size - 2, size - 1]
      for (const place of new Set(places.filter((at) => at >= 0 && at < size))) {
        const bytes = Buffer.alloc(size)
        bytes[place] = 1
        const file = await fileOf(bytes)
        assert.equal(await endOfContent(file, 0, size), place + 1, `${place} of ${size}`)
        // What lies before `from` is not asked for.
        const from = Math.min(size, place + 1)
        assert.equal(await endOfContent(file, from, size), from)
      }
    }
  })

  test('is `from` where there is nothing, and where the file ends earlier than said', async () => {
    assert.equal(await endOfContent(await fileOf(Buffer.alloc(0)), 0, 0), 0)
    assert.equal(await endOfContent(await fileOf(Buffer.alloc(3 * mib)), 0, 3 * mib), 0)
    assert.equal(await endOfContent(await fileOf(Buffer.alloc(3 * mib, 9)), 3 * mib, 3 * mib), 3 * mib)
    assert.equal(await endOfContent(await fileOf(Buffer.alloc(100, 9)), 0, 3 * mib), 100)
  })

  test('is what a walk from the front finds', async () => {
    const sparse = fc.array(fc.tuple(fc.nat({ max: 3 * mib }), fc.integer({ min: 1, max: 255 })), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(sparse, fc.nat({ max: 3 * mib }), fc.nat({ max: 3 * mib }), async (marks, one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)]
        const bytes = Buffer.alloc(to)
        for (const [at, value] of marks) if (at < to) bytes[at] = value
        const expected = marks.reduce((end, [at]) => (at >= from && at < to ? Math.max(end, at + 1) : end), from)
        assert.equal(await endOfContent(await fileOf(bytes), from, to), expected)
      }),
      { numRuns: 40 },
    )
  })
})
