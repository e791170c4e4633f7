import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { HoldfastError } from '../../src/core/errors.js'
import { GroupCommit } from '../../src/flush/group-commit.js'
import type { FlushPolicy } from '../../src/flush/policy.js'
import type { RoundTarget } from '../../src/flush/round-target.js'

interface Pending {
  readonly items: readonly number[]
  readonly durable: boolean
  finish(error?: Error): void
}

/** A target whose rounds and syncs end when the test says so. */
class Target implements RoundTarget<number> {
  readonly rounds: Pending[] = []
  readonly syncs: { covers: number; finish(error?: Error): void }[] = []
  readonly failures: unknown[] = []
  written = 0
  durable = 0
  itemBytes = 1
  itemMessages = 1

  sizeOf(): number {
    return this.itemBytes
  }

  messagesIn(): number {
    return this.itemMessages
  }

  writeRound(items: readonly number[], durable: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error) => {
        if (error) return reject(error)
        this.written += items.length
        if (durable) this.durable = this.written
        resolve()
      }
      this.rounds.push({ items, durable, finish })
    })
  }

  sync(): Promise<void> {
    const covers = this.written
    return new Promise((resolve, reject) => {
      const finish = (error?: Error) => {
        if (error) return reject(error)
        this.durable = Math.max(this.durable, covers)
        resolve()
      }
      this.syncs.push({ covers, finish })
    })
  }

  failed(cause: unknown): HoldfastError {
    this.failures.push(cause)
    return new HoldfastError('LOG_FAILED', 'it failed', { cause })
  }
}

const sync: FlushPolicy = { acknowledgeAfter: 'sync', timeoutMs: 5000 }
const batch: FlushPolicy = { acknowledgeAfter: 'sync', round: { messages: 5, intervalMs: 100 }, timeoutMs: 5000 }
const async_: FlushPolicy = { acknowledgeAfter: 'write', messages: 5, intervalMs: 100, timeoutMs: 5000 }

function begin(policy: FlushPolicy) {
  const target = new Target()
  const clock = new ManualClock()
  const commit = new GroupCommit(target, policy, clock)
  const answers: string[] = []
  const submit = (item: number) => {
    void commit.submit(item).then(
      () => answers.push(`${item} ok`),
      (error: HoldfastError) => answers.push(`${item} ${error.code}`),
    )
  }
  return { target, clock, commit, answers, submit }
}

describe('group commit', () => {
  test('items of one turn share a round; the next gathers while it is written; answers come in order', async () => {
    const { target, answers, submit } = begin(sync)
    for (const item of [1, 2, 3]) submit(item)
    await settled()
    assert.deepEqual(target.rounds[0].items, [1, 2, 3])
    assert.equal(target.rounds[0].durable, true)
    submit(4)
    await settled()
    submit(5)
    await settled()
    assert.equal(target.rounds.length, 1)
    target.rounds[0].finish()
    await settled()
    assert.deepEqual(answers, ['1 ok', '2 ok', '3 ok'])
    assert.deepEqual(target.rounds[1].items, [4, 5])
    target.rounds[1].finish()
    await settled()
    assert.deepEqual(answers.slice(3), ['4 ok', '5 ok'])
  })

  test('those whom the last round acknowledged are waited for, half as long as it took', async () => {
    const { target, clock, submit } = begin(sync)
    for (const item of [1, 2, 3]) submit(item)
    await settled()
    submit(4)
    await clock.run(0.8)
    target.rounds[0].finish()
    await settled()
    assert.equal(target.rounds.length, 1, '4 waits for the three to come back')
    submit(5)
    await settled()
    await clock.run(0.3)
    submit(6)
    await settled()
    assert.equal(target.rounds.length, 1, 'each that comes prolongs the patience')
    submit(7)
    await settled()
    assert.deepEqual(target.rounds[1].items, [4, 5, 6, 7])
    await clock.run(0.8)
    target.rounds[1].finish()
    submit(8)
    await settled()
    await clock.run(0.5)
    await settled()
    assert.deepEqual(target.rounds[2].items, [8], 'it gives up when nobody comes')
    target.rounds[2].finish()
    await settled()
    submit(9)
    await settled()
    assert.deepEqual(target.rounds[3].items, [9], 'a lone caller is not waited for')
    target.rounds[3].finish()
  })

  test('a clock that stands still holds nobody up for ever', async () => {
    const { target, clock, submit } = begin(sync)
    for (const item of [1, 2]) submit(item)
    await settled()
    await clock.run(3000)
    target.rounds[0].finish()
    await settled()
    submit(3)
    while (target.rounds.length < 2) await settled()
    assert.deepEqual(target.rounds[1].items, [3])
    target.rounds[1].finish()
  })

  test('a round has 1024 items and 16 MiB at most, and one item in any case', async () => {
    const { target, submit } = begin(sync)
    for (let item = 0; item < 2500; item++) submit(item)
    await settled()
    for (const expected of [1024, 1024, 452]) {
      const round = target.rounds.at(-1)
      assert.equal(round?.items.length, expected)
      round?.finish()
      await settled()
    }
    target.itemBytes = 6 * 1024 * 1024
    for (let item = 0; item < 8; item++) submit(item)
    // What is much is written at once; of the seven that wait then, at most 16 MiB.
    for (const expected of [1, 2, 2, 1, 1, 1]) {
      const round = target.rounds.at(-1)
      assert.equal(round?.items.length, expected)
      round?.finish()
      await settled()
    }
  })

  test('of much that waits a round takes half, so that the disk and the program work at the same time', async () => {
    const { target, clock, submit } = begin(sync)
    target.itemBytes = 100 * 1024
    submit(0)
    assert.equal(target.rounds.length, 0, 'little waits for the end of the turn')
    for (let item = 1; item < 17; item++) submit(item)
    assert.deepEqual(target.rounds[0].items, [0, 1], 'much does not')
    target.rounds[0].finish()
    await settled()
    assert.equal(target.rounds[1].items.length, 7)
    target.rounds[1].finish()
    await settled()
    assert.equal(target.rounds[2].items.length, 5)
    assert.equal(clock.monotonic(), 0)
  })

  test('a round that fails refuses all who wait, in order, once; nothing is written after it', async () => {
    const { target, commit, answers, submit } = begin(sync)
    submit(1)
    submit(2)
    await settled()
    submit(3)
    target.rounds[0].finish(new Error('disk'))
    await settled()
    submit(4)
    await settled()
    assert.deepEqual(answers, ['1 LOG_FAILED', '2 LOG_FAILED', '3 LOG_FAILED', '4 LOG_FAILED'])
    assert.equal(target.rounds.length, 1)
    assert.equal(target.failures.length, 1)
    await assert.rejects(commit.flush(), { code: 'LOG_FAILED' })
    await commit.stop()
  })

  test('flush waits for what was submitted before it, not for what comes after', async () => {
    const { target, commit, submit } = begin(sync)
    submit(1)
    await settled()
    let flushed = false
    void commit.flush().then(() => {
      flushed = true
    })
    submit(2)
    target.rounds[0].finish()
    await settled()
    // The writer is busy again, and under load it always is.
    assert.equal(target.rounds.length, 2)
    assert.equal(flushed, true)
  })
})

describe('group commit behind the writer', () => {
  test('syncs after so many appends, or after so long', async () => {
    const { target, clock, answers, submit } = begin(async_)
    submit(1)
    await settled()
    target.rounds[0].finish()
    await settled()
    assert.deepEqual([answers, target.rounds[0].durable, target.syncs.length], [['1 ok'], false, 0])
    await clock.run(99)
    assert.equal(target.syncs.length, 0)
    await clock.run(1)
    assert.equal(target.syncs.length, 1)
    target.syncs[0].finish()
    await settled()
    await clock.run(200)
    assert.equal(target.syncs.length, 1)
    for (let item = 0; item < 5; item++) submit(item)
    await settled()
    target.rounds[1].finish()
    await settled()
    assert.equal(target.syncs.length, 2)
  })

  test('what is written during a sync is synced by the next', async () => {
    const { target, clock, submit } = begin(async_)
    submit(1)
    await settled()
    target.rounds[0].finish()
    await clock.run(100)
    submit(2)
    await settled()
    target.rounds[1].finish()
    await clock.run(1000)
    assert.equal(target.syncs.length, 1)
    target.syncs[0].finish()
    await clock.run(100)
    assert.equal(target.syncs[1].covers, 2)
  })

  test('flush waits for a sync that is under way, and for one more if it began too early', async () => {
    const { target, clock, commit, submit } = begin(async_)
    submit(1)
    await settled()
    target.rounds[0].finish()
    await clock.run(100)
    submit(2)
    await settled()
    target.rounds[1].finish()
    await settled()
    let flushed = 0
    const note = () => {
      flushed++
    }
    void commit.flush().then(note)
    void commit.flush().then(note)
    await settled()
    target.syncs[0].finish()
    await settled()
    assert.deepEqual([flushed, target.syncs.length], [0, 2])
    target.syncs[1].finish()
    await settled()
    assert.deepEqual([flushed, target.durable], [2, 2])
  })

  test('flush behind a sync that succeeds tells of a write that failed meanwhile: no sync follows it', async () => {
    const { target, commit, submit } = begin(async_)
    submit(1)
    await settled()
    target.rounds[0].finish()
    await settled()
    const first = commit.flush()
    await settled()
    submit(2)
    await settled()
    target.rounds[1].finish()
    await settled()
    const second = commit.flush()
    submit(3)
    await settled()
    target.rounds[2].finish(new Error('EIO'))
    await settled()
    target.syncs[0].finish()
    await first
    await assert.rejects(second, { code: 'LOG_FAILED' })
    assert.equal(target.durable, 1)
  })

  test('a sync that fails is told to whoever flushes, and refuses every later item', async () => {
    const { target, clock, commit, answers, submit } = begin(async_)
    submit(1)
    await settled()
    target.rounds[0].finish()
    await clock.run(100)
    submit(2)
    await settled()
    const flushing = assert.rejects(commit.flush(), { code: 'LOG_FAILED' })
    target.syncs[0].finish(new Error('disk'))
    await settled()
    // Written to a disk whose sync has failed: nobody can promise anything about it.
    target.rounds[1].finish()
    await flushing
    submit(3)
    await settled()
    assert.deepEqual(answers, ['1 ok', '2 LOG_FAILED', '3 LOG_FAILED'])
    assert.equal(target.failures.length, 1)
    await clock.run(10_000)
    assert.equal(target.syncs.length, 1)
  })

  test('ends although telling of the failure fails', async () => {
    const { target, commit, answers, submit } = begin(sync)
    target.failed = () => {
      throw new Error('the logger is broken')
    }
    submit(1)
    await settled()
    submit(2)
    target.rounds[0].finish(new Error('disk'))
    await commit.stop()
    submit(3)
    await settled()
    assert.deepEqual(answers, ['1 LOG_FAILED', '2 LOG_FAILED', '3 LOG_FAILED'])
  })

  test('stop leaves no timer and begins no sync', async () => {
    const { target, clock, commit, submit } = begin(async_)
    submit(1)
    await settled()
    const stopping = commit.stop()
    target.rounds[0].finish()
    await stopping
    await clock.run(10_000)
    assert.deepEqual([clock.scheduled, target.syncs.length], [0, 0])
  })
})

describe('group commit in rounds of a chosen size', () => {
  test('a round closes at so many messages, not at so many items', async () => {
    const { target, answers, submit } = begin(batch)
    target.itemMessages = 2
    submit(1)
    submit(2)
    await settled()
    assert.equal(target.rounds.length, 0)
    submit(3)
    await settled()
    assert.deepEqual(target.rounds[0].items, [1, 2, 3])
    target.rounds[0].finish()
    await settled()
    assert.deepEqual(answers, ['1 ok', '2 ok', '3 ok'])
  })

  test('a round closes when its oldest message is so old, counted from when that came', async () => {
    const { target, clock, submit } = begin(batch)
    submit(1)
    await clock.run(60)
    submit(2)
    await clock.run(39)
    assert.equal(target.rounds.length, 0)
    await clock.run(1)
    assert.deepEqual(target.rounds[0].items, [1, 2])
    submit(3)
    await clock.run(300)
    target.rounds[0].finish()
    await settled()
    assert.deepEqual(target.rounds[1].items, [3], 'what grew old behind a slow round goes at once')
  })

  test('flush closes the round that is open', async () => {
    const { target, clock, commit, submit } = begin(batch)
    submit(1)
    await settled()
    const flushed = commit.flush()
    await settled()
    assert.equal(target.rounds.length, 1)
    target.rounds[0].finish()
    await flushed
    await commit.stop()
    assert.equal(clock.scheduled, 0)
  })
})

describe('a flush that outlasts its timeout', () => {
  for (const [name, policy] of Object.entries({ sync, batch, async: async_ })) {
    test(`tells its senders that the outcome is unknown, each in its time, and goes on: ${name}`, async () => {
      const { target, clock, commit, answers, submit } = begin(policy)
      for (let item = 0; item < 5; item++) submit(item)
      await clock.run(3000)
      submit(5)
      await clock.run(1999)
      assert.deepEqual(answers, [])
      await clock.run(1)
      assert.deepEqual(
        answers,
        [0, 1, 2, 3, 4].map((item) => `${item} FLUSH_DISK_TIMEOUT`),
      )
      await clock.run(3000)
      assert.equal(answers[5], '5 FLUSH_DISK_TIMEOUT')
      const flushed = commit.flush()
      target.rounds[0].finish()
      await clock.run(1)
      await clock.run(1)
      target.rounds[1].finish()
      await settled()
      for (let sync = 0; sync < target.syncs.length; sync++) {
        target.syncs[sync].finish()
        await settled()
      }
      await flushed
      assert.deepEqual([target.written, target.durable, answers.length], [6, 6, 6])
      for (let item = 6; item < 11; item++) submit(item)
      await clock.run(1)
      await clock.run(1)
      target.rounds[2].finish()
      await settled()
      assert.deepEqual(
        answers.slice(6),
        [6, 7, 8, 9, 10].map((item) => `${item} ok`),
      )
    })
  }
})

type Step = 'submit' | 'finish round' | 'finish sync' | 'flush' | 'tick'
const step = fc.constantFrom<Step>('submit', 'submit', 'finish round', 'finish sync', 'flush', 'tick')

describe('group commit, whatever happens in whatever order', () => {
  for (const [name, policy] of Object.entries({ sync, batch, async: async_ })) {
    test(`every item is answered once, in order, and kept as promised: ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          const { target, clock, commit, answers, submit } = begin(policy)
          let submitted = 0
          let rounds = 0
          let syncs = 0
          const finishAll = async () => {
            while (rounds < target.rounds.length || syncs < target.syncs.length) {
              if (rounds < target.rounds.length) target.rounds[rounds++].finish()
              else target.syncs[syncs++].finish()
              await settled()
            }
          }
          const flushes: Promise<void>[] = []
          for (const one of steps) {
            if (one === 'submit') submit(submitted++)
            else if (one === 'finish round' && rounds < target.rounds.length) target.rounds[rounds++].finish()
            else if (one === 'finish sync' && syncs < target.syncs.length) target.syncs[syncs++].finish()
            else if (one === 'tick') await clock.run(60)
            else if (one === 'flush') {
              const before = submitted
              flushes.push(commit.flush().then(() => assert.ok(target.durable >= before, 'flushed and not durable')))
            }
            await settled()
            const promised = policy.acknowledgeAfter === 'sync' ? target.durable : target.written
            assert.ok(answers.length <= promised, 'acknowledged before it was written')
            assert.ok(target.syncs.length - syncs <= 1 && target.rounds.length - rounds <= 1, 'one at a time')
          }
          await finishAll()
          for (let turn = 0; turn < 3; turn++) {
            await clock.run(100)
            await finishAll()
          }
          await Promise.all(flushes)
          assert.deepEqual(
            answers,
            Array.from({ length: submitted }, (_, item) => `${item} ok`),
          )
          assert.deepEqual(
            target.rounds.flatMap((round) => round.items),
            Array.from({ length: submitted }, (_, i) => i),
          )
          assert.equal(target.durable, submitted, 'nothing stays unsynced for ever')
        }),
        { numRuns: 200 },
      )
    })
  }

  for (const [name, policy] of Object.entries({ sync, batch, async: async_ })) {
    test(`on a disk that fails nothing is promised that is not so: ${name}`, async () => {
      const one = fc.oneof(
        { arbitrary: step, weight: 9 },
        { arbitrary: fc.constant<Step>('flush'), weight: 2 },
        fc.constant('fail' as const),
      )
      const steps = fc.array(one, { minLength: 10, maxLength: 40 })
      await fc.assert(
        fc.asyncProperty(steps, fc.boolean(), async (all, isOfSync) => {
          const { target, clock, commit, answers, submit } = begin(policy)
          const done = { rounds: 0, syncs: 0 }
          let submitted = 0
          let error: Error | undefined
          const finish = (kind: 'rounds' | 'syncs') => target[kind][done[kind]++]?.finish(error)
          const flushes: Promise<void>[] = []
          for (const one of all) {
            if (one === 'submit') submit(submitted++)
            else if (one === 'finish round' && done.rounds < target.rounds.length) finish('rounds')
            else if (one === 'finish sync' && done.syncs < target.syncs.length) finish('syncs')
            else if (one === 'tick') await clock.run(60)
            else if (one === 'fail') {
              error = new Error('EIO')
              const kind = isOfSync ? 'syncs' : 'rounds'
              if (done[kind] < target[kind].length) finish(kind)
              error = undefined
            } else if (one === 'flush') {
              const before = submitted
              const flushed = () => assert.ok(target.durable >= before, 'flushed and not durable')
              flushes.push(commit.flush().then(flushed, (refusal) => assert.ok(refusal instanceof HoldfastError)))
            }
            await settled()
            const kept = policy.acknowledgeAfter === 'sync' ? target.durable : target.written
            assert.ok(
              answers.filter((answer) => answer.endsWith('ok')).length <= kept,
              'acknowledged before it was kept',
            )
          }
          for (let turn = 0; turn < 4; turn++) {
            while (done.rounds < target.rounds.length || done.syncs < target.syncs.length) {
              finish(done.rounds < target.rounds.length ? 'rounds' : 'syncs')
              await settled()
            }
            await clock.run(100)
          }
          await Promise.all(flushes)
        }),
        { numRuns: 600 },
      )
    })
  }
})
