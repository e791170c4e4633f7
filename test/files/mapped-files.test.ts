import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { type Loan, MappedFiles, type MappingLimits } from '../../src/files/mapped-files.js'
import { gate, until } from '../storage/support.js'

/** Files 0, 1, 2 … of 100, 200, 300 … bytes, each full of a byte of its own. */
async function withFiles(limits: Partial<MappingLimits>, count = 6) {
  const memory = new MemoryDisk()
  const disk = new FaultDisk(memory)
  await disk.makeDirectory('/d')
  const paths = Array.from({ length: count }, (_, index) => `/d/${index}`)
  for (const [index, path] of paths.entries()) {
    const file = await disk.open(path, { mode: 'create' })
    await file.write([Buffer.alloc((index + 1) * 100, index + 1)], 0)
    await file.close()
  }
  const clock = new ManualClock()
  const table = new MappedFiles(disk, clock, { count: 100, bytes: 1_000_000, idleMs: 1000, ...limits })
  const borrow = async (index: number): Promise<Loan> => {
    const loan = await table.borrow(paths[index])
    assert.ok(loan !== undefined, `${paths[index]} is lent`)
    return loan
  }
  return { memory, disk, paths, clock, table, borrow }
}

type Action =
  | { do: 'borrow'; file: number }
  | { do: 'release'; which: number }
  | { do: 'drop'; file: number }
  | { do: 'wait'; ms: number }

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('borrow' as const), file: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat(20) }) },
  fc.record({ do: fc.constant('drop' as const), file: fc.nat(5) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1500) }),
)

describe('the table of mappings', () => {
  test('never passes its limits, never unmaps what is lent, and keeps nothing in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(action, { minLength: 1, maxLength: 4 }), { maxLength: 20 }),
        fc.nat(4),
        fc.nat(1200),
        async (turns, count, bytes) => {
          const { memory, paths, clock, table } = await withFiles({ count, bytes })
          const loans: { file: number; loan: Loan }[] = []
          const check = () => {
            assert.ok(table.count <= count && table.bytes <= bytes, `${table.count} mappings, ${table.bytes} bytes`)
            for (const { file, loan } of loans) {
              assert.ok(loan.bytes.every((byte) => byte === file + 1))
              assert.ok(table.isBorrowed(paths[file]))
            }
            for (const [file, path] of paths.entries()) {
              if (!loans.some((one) => one.file === file)) assert.ok(!table.isBorrowed(path))
            }
          }
          const perform = async (one: Action) => {
            if (one.do === 'borrow') {
              const loan = await table.borrow(paths[one.file])
              if (loan !== undefined) loans.push({ file: one.file, loan })
            } else if (one.do === 'release') {
              const [released] = loans.splice(one.which % Math.max(1, loans.length), 1)
              released?.loan.release()
              released?.loan.release()
            } else if (one.do === 'drop') table.drop(paths[one.file])
            else await clock.run(one.ms)
          }
          for (const turn of turns) {
            // What is begun in one turn runs side by side.
            await Promise.all(turn.map(perform))
            check()
            assert.equal(memory.mappings, table.count)
          }
          for (const { loan } of loans.splice(0)) loan.release()
          await clock.run(3000)
          assert.deepEqual([table.count, table.bytes, memory.mappings, clock.scheduled], [0, 0, 0, 0])
        },
      ),
      { numRuns: 200 },
    )
  })

  test('maps a file once for those who read together, and keeps it for the next', async () => {
    const { disk, paths, borrow, table } = await withFiles({})
    const [one, two] = await Promise.all([borrow(3), borrow(3)])
    one.release()
    two.release()
    ;(await borrow(3)).release()
    assert.equal(disk.count('map', paths[3]), 1)
    assert.deepEqual([table.count, table.bytes], [1, 400])
    table.dropAll()
    assert.equal(disk.mappings, 0)
  })

  test('makes room by what was used least recently and is not lent', async () => {
    const { disk, paths, borrow, table } = await withFiles({ count: 3 })
    const held = await borrow(0)
    for (const index of [1, 2]) (await borrow(index)).release()
    ;(await borrow(3)).release()
    ;(await borrow(4)).release()
    const maps = disk.count('map')
    ;(await borrow(0)).release()
    ;(await borrow(3)).release()
    assert.equal(disk.count('map'), maps)
    ;(await borrow(1)).release()
    assert.equal(disk.count('map', paths[1]), 2)
    held.release()
    table.dropAll()
  })

  test('what is used again is not the least recently used', async () => {
    const { disk, paths, borrow, table } = await withFiles({ count: 2 })
    for (const index of [0, 1, 0, 2, 0]) (await borrow(index)).release()
    assert.deepEqual([disk.count('map', paths[0]), table.count], [1, 2])
    table.dropAll()
  })

  test('lends nothing beyond its limits, and goes on when something is given back', async () => {
    const { paths, borrow, table } = await withFiles({ count: 2, bytes: 600 })
    const first = await borrow(0)
    const second = await borrow(1)
    assert.equal(await table.borrow(paths[2]), undefined)
    second.release()
    // 100 and 600 bytes do not fit into 600.
    assert.equal(await table.borrow(paths[5]), undefined)
    assert.equal(table.count, 1)
    first.release()
    ;(await borrow(5)).release()
    assert.deepEqual([table.count, table.bytes], [1, 600])
    table.dropAll()
  })

  test('lends nothing where nothing can be mapped', async () => {
    const { disk, paths, table } = await withFiles({ count: 0 })
    assert.equal(await table.borrow(paths[0]), undefined)
    const clock = new ManualClock()
    const limits = { count: 9, bytes: 10_000, idleMs: 1000 }
    const unmappable = new MappedFiles(new FaultDisk(disk, () => undefined, { supportsMapping: false }), clock, limits)
    assert.equal(await unmappable.borrow(paths[0]), undefined)
    const failing = new MappedFiles(disk, clock, limits)
    disk.judge = ({ operation }) => (operation === 'map' ? 'EMFILE' : undefined)
    assert.equal(await failing.borrow(paths[0]), undefined)
    assert.equal(failing.count, 0)
    disk.judge = () => undefined
    const empty = await disk.open('/d/empty', { mode: 'create' })
    await empty.close()
    assert.equal(await failing.borrow('/d/empty'), undefined)
    // What failed is tried again.
    const loan = await failing.borrow(paths[0])
    assert.equal(loan?.bytes.length, 100)
    loan?.release()
    failing.dropAll()
    assert.equal(clock.scheduled, 0)
  })

  test('drops what is idle for long enough, and sets no timer for nothing', async () => {
    const { clock, table, borrow } = await withFiles({})
    assert.equal(clock.scheduled, 0)
    const held = await borrow(0)
    ;(await borrow(1)).release()
    await clock.run(500)
    ;(await borrow(2)).release()
    await clock.run(600)
    // The second was idle for 1100 ms, the third for 600 ms.
    assert.deepEqual([table.count, clock.scheduled], [2, 1])
    await clock.run(1500)
    assert.equal(table.count, 1)
    assert.ok(held.bytes.every((byte) => byte === 1))
    held.release()
    await clock.run(2100)
    assert.deepEqual([table.count, clock.scheduled], [0, 0])
  })

  test('a file that is dropped while it is being mapped is not lent: another may have its name by then', async () => {
    const { disk, paths, table } = await withFiles({})
    const held = gate()
    disk.judge = ({ operation }) => (operation === 'map' ? held.passed.then(() => undefined) : undefined)
    const borrowing = table.borrow(paths[0])
    await until(() => disk.count('map') === 1)
    assert.ok(table.isBorrowed(paths[0]))
    table.drop(paths[0])
    held.open()
    assert.equal(await borrowing, undefined)
    assert.deepEqual([table.count, disk.mappings, table.isBorrowed(paths[0])], [0, 0, false])
  })

  test('pages that the disk cannot read are told, and so is a loan that was given back', async () => {
    const { disk, borrow } = await withFiles({})
    const loan = await borrow(0)
    assert.equal(await loan.populate(0, 100), true)
    disk.judge = ({ operation }) => (operation === 'populate' ? 'EIO' : undefined)
    assert.equal(await loan.populate(0, 100), false)
    disk.judge = () => undefined
    loan.release()
    assert.equal(await loan.populate(0, 100), false)
  })
})
