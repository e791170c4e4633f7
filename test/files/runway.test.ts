import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FaultDisk, type Verdict } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Disk, DiskFile } from '../../src/files/disk.js'
import { Gate } from '../../src/files/gate.js'
import { type Preallocation, Runway } from '../../src/files/runway.js'
import { directory } from '../storage/segments/place.js'
import { gate, mib, recordingLogger, turns, until } from '../storage/support.js'

const path = join(directory, '00000000000000000000.log')

interface Prepared {
  readonly from: number
  readonly to: number
  readonly how: string
}

/** A disk that says what is prepared, as it begins, and as it ends. */
class Witness {
  readonly memory = new MemoryDisk()
  readonly disk: FaultDisk
  readonly begun: Prepared[] = []
  onPrepare: (prepared: Prepared) => void = () => {}

  constructor() {
    const { memory } = this
    const witnessed = (file: DiskFile): DiskFile =>
      new Proxy(file, {
        get: (target, name) => {
          if (name !== 'prepare') {
            const value = Reflect.get(target, name, target)
            return typeof value === 'function' ? value.bind(target) : value
          }
          return (from: number, to: number, how: 'fallocate' | 'zero') => {
            this.begun.push({ from, to, how })
            this.onPrepare({ from, to, how })
            return target.prepare(from, to, how)
          }
        },
      })
    const inner = new Proxy(memory as Disk, {
      get(target, name) {
        if (name === 'open') return async (...args: Parameters<Disk['open']>) => witnessed(await memory.open(...args))
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    this.disk = new FaultDisk(inner)
  }
}

async function begin(
  how: Preallocation,
  given: { segmentBytes?: number; written?: number; fileBytes?: number; writtenBefore?: number } = {},
) {
  const { segmentBytes = 8 * mib, written = 0, writtenBefore = 0 } = given
  const { fileBytes = written } = given
  const witness = new Witness()
  await witness.disk.makeDirectory(directory)
  const file = await witness.disk.open(path, { mode: 'create', dsync: true })
  if (written > 0) await file.write([Buffer.alloc(written, 7)], 0)
  const logger = recordingLogger()
  const prepared: Prepared[] = []
  const runway = new Runway(
    {
      disk: witness.disk,
      path,
      gate: new Gate(2),
      how,
      segmentBytes,
      logger,
      onPrepared: (from, to) => prepared.push({ from, to, how: 'done' }),
    },
    { written, fileBytes, writtenBefore },
  )
  let at = written
  /** One round, as the active file writes it. */
  const write = async (bytes: number) => {
    const from = at
    at += bytes
    await runway.admit(from, at)
    await file.write([Buffer.alloc(bytes, 1 + (from % 250))], from)
    runway.extend()
  }
  return { witness, file, logger, prepared, runway, write, position: () => at }
}

describe('the runway in front of a writer', () => {
  for (const how of ['zero', 'ahead'] as const) {
    test(`${how}: whatever is written, it reads back, and only zeros lie behind it`, async () => {
      const rounds = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 25 })
      const pauses = fc.integer({ min: 0, max: 2 ** 31 - 1 })
      await fc.assert(
        fc.asyncProperty(rounds, pauses, fc.boolean(), async (sizes, seed, busyBefore) => {
          const segmentBytes = sizes.reduce((sum, size) => sum + size, 0) + (seed % 700_000)
          const world = await begin(how, { segmentBytes, writtenBefore: busyBefore ? 64 * mib : 0 })
          const { witness, runway, write, position } = world
          const random = new SeededRandomness(seed)
          let admitted = 0
          // A step never touches bytes at or below what was admitted.
          witness.onPrepare = ({ from }) => assert.ok(from >= admitted, `a step at ${from}, admitted up to ${admitted}`)
          const written: Buffer[] = []
          for (const size of sizes) {
            const from = position()
            // `admit` is called in the same turn.
            admitted = from + size
            await write(size)
            written.push(Buffer.alloc(size, 1 + (from % 250)))
            if (random.once(3)) await turns(random.below(6))
          }
          await runway.stop()
          const found = (await witness.memory.readFile(path)) ?? Buffer.alloc(0)
          assert.ok(found.length <= segmentBytes)
          assert.ok(found.subarray(0, admitted).equals(Buffer.concat(written)), 'a step wrote over a record')
          assert.ok(found.subarray(admitted).every((byte) => byte === 0))
        }),
        { numRuns: 40 },
      )
    })
  }

  test('a writer that reaches a step waits for its end', async () => {
    const { witness, runway, write } = await begin('zero')
    const held = gate()
    await write(100)
    await until(() => witness.begun.length === 1)
    // One that does not reach it does not wait.
    await write(100)
    witness.disk.judge = ({ operation }) => (operation === 'prepare' ? held.passed : undefined)
    const steps = witness.disk.count('prepare')
    await until(() => witness.disk.count('prepare') > steps)
    const { from } = { from: 100 + 400 + mib * (witness.disk.count('prepare') - 1) }
    let admitted = false
    const writing = runway.admit(200, from + mib).then(() => {
      admitted = true
    })
    await turns(50)
    assert.equal(admitted, false)
    held.open()
    await writing
    await runway.stop()
  })

  test('it prepares to the end of the segment and no further, then is complete', async () => {
    const { witness, runway, write, prepared } = await begin('zero', { segmentBytes: 2 * mib + 5000 })
    assert.equal(runway.isComplete, false)
    await write(1000)
    await until(() => runway.isComplete)
    await runway.stop()
    assert.equal((await witness.memory.readFile(path))?.length, 2 * mib + 5000)
    assert.deepEqual(
      prepared.map(({ from, to }) => [from, to]),
      [
        [5000, mib + 5000],
        [mib + 5000, 2 * mib + 5000],
      ],
    )
    const { length } = witness.begun
    await write(1000)
    await turns(30)
    assert.equal(witness.begun.length, length)
    assert.equal(witness.disk.openFiles, 1, 'only the writer of the test has the file open')
  })

  test('a log that is hardly used gets none, a busy one as much as it wrote, and at most 32 MiB', async () => {
    const idle = await begin('ahead', { segmentBytes: 256 * mib })
    await idle.write(60_000)
    await turns(20)
    assert.equal(idle.witness.begun.length, 0)
    await idle.write(40_000)
    await until(() => idle.witness.begun.length === 1)
    await idle.runway.stop()
    assert.equal(((await idle.witness.memory.readFile(path))?.length ?? 0) <= 100_000 + 4 * 40_000 + mib, true)

    const busy = await begin('ahead', { segmentBytes: 256 * mib, writtenBefore: 1024 * mib })
    await busy.write(1000)
    await until(() => busy.witness.begun.length >= 32)
    await turns(50)
    assert.equal(busy.witness.begun.length, 32)
    await busy.runway.stop()
  })

  test('stop ends it after the step under way, closes its file, and nothing is begun again', async () => {
    const { witness, runway, write } = await begin('zero', { segmentBytes: 64 * mib })
    const held = gate()
    witness.disk.judge = ({ operation }) => (operation === 'prepare' ? held.passed : undefined)
    await write(1000)
    await until(() => witness.disk.count('prepare') === 1)
    let stopped = false
    const stopping = runway.stop().then(() => {
      stopped = true
    })
    await turns(20)
    assert.equal(stopped, false, 'somebody still touches the file')
    held.open()
    await stopping
    assert.deepEqual([witness.begun.length, witness.disk.openFiles], [1, 1])
    await write(1000)
    await turns(20)
    assert.equal(witness.begun.length, 1)
  })

  for (const errno of ['EIO', 'ENOSPC', 'EMFILE'] as const) {
    for (const operation of ['open', 'prepare', 'close'] as const) {
      test(`a ${operation} that fails costs speed and nothing else: ${errno}`, async () => {
        const { witness, runway, write, position, logger } = await begin('zero', { segmentBytes: 4 * mib })
        let calls = 0
        witness.disk.judge = (call): Verdict =>
          call.operation === operation && ++calls === (operation === 'prepare' ? 2 : 1) ? errno : undefined
        for (let i = 0; i < 30; i++) {
          await write(100_000)
          await turns(2)
        }
        await runway.stop()
        const found = await witness.memory.readFile(path)
        for (let at = 0; at < position(); at += 100_000) assert.equal(found?.[at], 1 + (at % 250))
        assert.ok(found?.subarray(position()).every((byte) => byte === 0))
        assert.equal(witness.disk.openFiles, 1)
        const warned = logger.said.filter(({ level }) => level === 'warn').length
        assert.equal(warned, operation === 'close' ? 0 : 1, 'said once, and not tried again and again')
        // Where the disk has no room for zeros it has none for a spare segment either.
        if (operation !== 'close') assert.equal(runway.isComplete, false)
      })
    }
  }

  test('fallocate reserves once, to the end of the segment', async () => {
    const { witness, runway, write } = await begin('fallocate', { segmentBytes: 3 * mib })
    await write(1000)
    await until(() => runway.isComplete)
    await write(1000)
    await runway.stop()
    assert.deepEqual(witness.begun, [{ from: 5000, to: 3 * mib, how: 'fallocate' }])
  })

  test('none prepares nothing', async () => {
    const { witness, runway, write } = await begin('none')
    for (let i = 0; i < 5; i++) await write(100_000)
    await runway.stop()
    assert.equal(witness.disk.count('prepare'), 0)
  })

  test('a writer that outruns it to the end of the segment leaves it nothing to do', async () => {
    const { witness, runway, write } = await begin('zero', { segmentBytes: 2 * mib })
    await write(1.9 * mib)
    await until(() => runway.isComplete)
    assert.equal(witness.begun.length, 0)
    await runway.stop()
  })

  test('on a file that was prepared whole it does nothing', async () => {
    const { witness, runway, write } = await begin('zero', { segmentBytes: mib, fileBytes: mib })
    assert.equal(runway.isComplete, true)
    await write(1000)
    await turns(10)
    assert.equal(witness.disk.count('prepare'), 0)
    await runway.stop()
  })
})
