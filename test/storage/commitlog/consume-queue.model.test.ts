/** A consume queue beside an array: whatever is appended, written, cut, dropped and opened anew, both hold the same. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import type { ConsumeQueue } from '../../../src/storage/commitlog/consume-queue.js'
import { type Entry, endOf, openQueue, readFrom } from './queue-world.js'

type Step =
  | { readonly do: 'append'; readonly entries: readonly { gap: number; size: number; tagsCode: number }[] }
  | { readonly do: 'flush' | 'truncate' | 'remove' | 'find'; readonly at: number }
  | { readonly do: 'read'; readonly at: number; readonly count: number }
  | { readonly do: 'sync' | 'close' | 'kill' | 'clear' }

/** A place as a part of what there is. */
const at = fc.double({ min: 0, max: 1, noNaN: true })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      entries: fc.array(
        fc.record({ gap: fc.nat(100), size: fc.integer({ min: 1, max: 500 }), tagsCode: fc.maxSafeInteger() }),
        { minLength: 1, maxLength: 12 },
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'find' as const, 'truncate', 'remove'), at }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), at, count: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('sync' as const, 'close' as const, 'kill', 'clear') }) },
)

class Model {
  disk = new MemoryDisk()
  queue!: ConsumeQueue
  readonly fileBytes: number
  readonly #firstOffset: number
  /** All that the queue holds, what the commit log has lost too as long as its file is there. */
  entries: Entry[] = []
  /** How many of them are in files. */
  stored = 0
  /** The end of the commit log, and its beginning. */
  end = 0
  minPosition = 0

  constructor(fileBytes: number, firstOffset: number) {
    this.fileBytes = fileBytes
    this.#firstOffset = firstOffset
  }

  async open(wasClosedCleanly: boolean): Promise<void> {
    this.queue = await openQueue(this.disk, { wasClosedCleanly, fileBytes: this.fileBytes })
    await this.queue.removeBefore(this.minPosition)
  }

  positionAt(part: number): number {
    return Math.floor(this.minPosition + part * (this.end - this.minPosition + 1))
  }

  async run(step: Step): Promise<void> {
    if (step.do === 'append') this.#append(step.entries)
    else if (step.do === 'read') await this.#read(step.at, step.count)
    else if (step.do === 'flush') await this.#flush(this.positionAt(step.at))
    else if (step.do === 'find') await this.#find(this.positionAt(step.at))
    else if (step.do === 'truncate') await this.#truncate(this.positionAt(step.at))
    else if (step.do === 'remove') await this.#remove(this.positionAt(step.at))
    else if (step.do === 'sync') await this.queue.sync()
    else if (step.do === 'clear') await this.#clear()
    else await this.#reopen(step.do === 'close')
  }

  #append(added: readonly { gap: number; size: number; tagsCode: number }[]): void {
    for (const { gap, size, tagsCode } of added) {
      const last = this.entries.at(-1)
      const offset = last === undefined ? this.#firstOffset : last.offset + 1
      const position = this.end + gap
      this.entries.push({ offset, position, size, tagsCode })
      this.end = position + size
      assert.equal(this.queue.append(offset, position, size, tagsCode), true)
      assert.equal(this.queue.append(offset, position, size, tagsCode), false)
    }
  }

  async #flush(position: number): Promise<void> {
    const stored = Math.max(this.stored, this.entries.filter((entry) => endOf(entry) <= position).length)
    assert.equal(await this.queue.flush(position), stored - this.stored)
    this.stored = stored
  }

  async #find(position: number): Promise<void> {
    const found = this.entries.find((entry) => entry.position >= position)
    assert.equal(await this.queue.offsetAtOrAfter(position), found?.offset ?? this.queue.maxOffset)
  }

  async #truncate(position: number): Promise<void> {
    const kept = this.entries.filter((entry) => entry.position < position)
    assert.equal(await this.queue.truncateFrom(position), this.entries.length - kept.length)
    this.entries = kept
    this.stored = Math.min(this.stored, kept.length)
    this.end = Math.max(kept.length === 0 ? 0 : endOf(kept[kept.length - 1]), position)
  }

  async #remove(position: number): Promise<void> {
    const isNews = position > this.minPosition
    this.minPosition = position
    const removed = await this.queue.removeBefore(position)
    const perFile = this.fileBytes / 20
    const first = this.entries.at(0)?.offset ?? 0
    const firstFile = Math.floor(first / perFile)
    const kept = removed === 0 ? first : (firstFile + removed) * perFile
    const gone = this.entries.filter(({ offset }) => offset < kept)
    assert.ok(gone.every((entry) => entry.position < position))
    // What stays of the files is the last one, or one whose last entry is still wanted, or was written meanwhile.
    const lastOfFirst = this.entries.find(({ offset }) => offset === (Math.floor(kept / perFile) + 1) * perFile - 1)
    const isLastFile = this.stored - gone.length <= perFile - (kept % perFile)
    assert.ok(!isNews || isLastFile || (lastOfFirst !== undefined && lastOfFirst.position >= position))
    this.entries = this.entries.slice(gone.length)
    this.stored -= gone.length
    assert.ok(this.stored > 0 || removed === 0)
  }

  async #clear(): Promise<void> {
    await this.queue.clear()
    this.entries = []
    this.stored = 0
  }

  async #read(part: number, count: number): Promise<void> {
    const { minOffset, maxOffset } = this.queue
    const from = Math.floor(minOffset + part * (maxOffset - minOffset))
    const expected = this.entries.filter(({ offset }) => offset >= from && offset < from + count)
    assert.deepEqual(await readFrom(this.queue, from, count), expected)
  }

  async #reopen(isClean: boolean): Promise<void> {
    if (isClean) {
      await this.#flush(this.end)
      await this.queue.sync()
      await this.queue.close()
    }
    this.entries = this.entries.slice(0, this.stored)
    this.disk = this.disk.afterKill()
    await this.open(isClean)
  }

  async check(): Promise<void> {
    const { queue, entries, stored } = this
    const visible = entries.filter(({ position }) => position >= this.minPosition)
    assert.equal(queue.unflushedEntries, entries.length - stored)
    assert.equal(queue.isEmpty, entries.length === 0)
    assert.equal(queue.maxOffset, entries.length === 0 ? 0 : entries[entries.length - 1].offset + 1)
    assert.equal(queue.minOffset, visible.at(0)?.offset ?? queue.maxOffset)
    assert.equal(queue.maxPosition, entries.length === 0 ? 0 : endOf(entries[entries.length - 1]))
    assert.deepEqual(await readFrom(queue), visible)
  }
}

test('a consume queue holds what an array would', async () => {
  const start = fc.record({ firstOffset: fc.constantFrom(0, 0, 3, 5, 17), perFile: fc.constantFrom(1, 5, 7, 300) })
  await fc.assert(
    fc.asyncProperty(start, fc.array(step, { maxLength: 40 }), async ({ firstOffset, perFile }, steps) => {
      const model = new Model(perFile * 20, firstOffset)
      await model.open(true)
      for (const each of steps) {
        await model.run(each)
        await model.check()
      }
    }),
    { numRuns: 300 },
  )
})
