/**
 * The bookkeeping of sends, on a log that is nothing but a list: whatever the sizes, limits, refusals and cancellations,
 * each message is answered once, and with the place where it lies.
 */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import type { ProduceRequest, ProduceResult } from '../../src/broker/contract.js'
import { Accumulator, type PreparedRecord } from '../../src/client/accumulator.js'
import { BatchBuffers } from '../../src/client/batch-buffers.js'
import { TopicCompression } from '../../src/client/compressing.js'
import type { Receipt } from '../../src/client/message.js'
import { PartitionQueue } from '../../src/client/partition-queue.js'
import { BatchWaiters, type SendWaiter } from '../../src/client/waiters.js'
import { HoldfastError } from '../../src/core/errors.js'
import { RecordBatch } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'

/** Counts the answers to each of its messages. */
class CountingWaiter implements SendWaiter {
  readonly receipts: Receipt[][]
  readonly errors: unknown[][]
  cancelled = false
  readonly durable: boolean

  constructor(count: number, durable = false) {
    this.receipts = Array.from({ length: count }, () => [])
    this.errors = Array.from({ length: count }, () => [])
    this.durable = durable
  }

  acknowledged(first: number, count: number, receipt: Receipt): void {
    for (let i = 0; i < count; i++) this.receipts[first + i].push({ ...receipt, offset: receipt.offset + i })
  }

  refused(first: number, count: number, error: unknown): void {
    for (let i = 0; i < count; i++) this.errors[first + i].push(error)
  }

  answers(index: number): number {
    return this.receipts[index].length + this.errors[index].length
  }
}

/** Takes batches in the order of the calls and answers when it is told to; it looks at the bytes only then. */
class ListedLog {
  readonly values = new Map<number, { value: string; timestamp: number }[]>()
  readonly requests: ProduceRequest[] = []
  readonly refused: Buffer[] = []
  readonly #refuse: (request: number) => boolean
  #answers: (() => void)[] = []
  bytesUnderWay = 0
  mostUnderWay = 0

  constructor(refuse: (request: number) => boolean) {
    this.#refuse = refuse
  }

  get underWay(): number {
    return this.#answers.length
  }

  produce(request: ProduceRequest): Promise<ProduceResult> {
    const number = this.requests.push(request) - 1
    assert.equal(request.built?.bytes, request.batch)
    this.bytesUnderWay += request.batch.length
    this.mostUnderWay = Math.max(this.mostUnderWay, this.bytesUnderWay)
    return new Promise((resolve, reject) => {
      this.#answers.push(() => {
        this.bytesUnderWay -= request.batch.length
        if (this.#refuse(number)) {
          this.refused.push(request.batch)
          reject(new HoldfastError('FLUSH_DISK_TIMEOUT'))
        } else resolve(this.#append(request))
      })
    })
  }

  answer(): void {
    this.#answers.shift()?.()
  }

  #append({ partition, batch }: ProduceRequest): ProduceResult {
    const view = new RecordBatch(batch)
    assert.ok(view.crcMatches(), 'nobody writes into a batch that is under way')
    const values = this.values.get(partition) ?? []
    this.values.set(partition, values)
    const baseOffset = values.length
    for (const { value, timestamp } of readRecords(view)) values.push({ value: String(value), timestamp })
    return { baseOffset, logAppendTimeMs: -1, logStartOffset: 0 }
  }
}

function queuesOf(accumulator: Accumulator, maxBatchBytes: number, count = 2): PartitionQueue[] {
  return Array.from({ length: count }, (_, partition) => {
    const events = {
      onClosed: () => {},
      onRefused: () => {},
      drain: (queue: PartitionQueue) => accumulator.drain(queue),
    }
    return new PartitionQueue(
      { topic: 't', partition, maxBatchBytes, compression: new TopicCompression('none') },
      events,
    )
  })
}

const record = (value: string, timestamp: number): PreparedRecord => ({
  key: null,
  value: Buffer.from(value),
  headers: [],
  timestamp,
})

const message = fc.record({ size: fc.nat(400), partition: fc.nat(1), timestamp: fc.constantFrom(1, 1, 1, 2, 3) })
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('send' as const), messages: fc.array(message, { maxLength: 30 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('answer' as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }) },
)

const setup = fc.record({
  maxBufferedBytes: fc.constantFrom(500, 3000, 1 << 20),
  batchBytes: fc.constantFrom(200, 1000, 1 << 20),
  maxBatchBytes: fc.constantFrom(300, 1 << 20),
  lingerMs: fc.constantFrom(0, 5),
  refusals: fc.array(fc.nat(20), { maxLength: 5 }),
})

interface Sent {
  readonly value: string
  readonly partition: number
  readonly timestamp: number
  readonly waiter: CountingWaiter
  readonly index: number
}

it('answers each message once, with its place, in the order of the calls', async () => {
  await fc.assert(
    fc.asyncProperty(
      setup,
      fc.array(step, { maxLength: 25 }),
      async ({ refusals, maxBatchBytes, ...limits }, steps) => {
        const clock = new ManualClock()
        const log = new ListedLog((request) => refusals.includes(request))
        const accumulator = new Accumulator({ service: log, clock, ...limits })
        const queues = queuesOf(accumulator, maxBatchBytes)
        const sent: Sent[] = []
        const waiters: CountingWaiter[] = []
        for (const [number, each] of steps.entries()) {
          if (each.do === 'send') {
            const waiter = new CountingWaiter(each.messages.length)
            waiters.push(waiter)
            for (const [index, { size, partition, timestamp }] of each.messages.entries()) {
              const value = `${number} ${index} ${'.'.repeat(size)}`
              try {
                accumulator.append(queues[partition], record(value, timestamp), waiter, index)
              } catch (error) {
                waiter.refused(index, 1, error)
              }
              sent.push({ value, partition, timestamp, waiter, index })
            }
          } else if (each.do === 'answer') for (let i = 0; i < each.count; i++) log.answer()
          else if (each.do === 'turn') await settled()
          else if (each.do === 'pass') await clock.run(each.ms)
          else if (waiters.length > 0) waiters[each.which % waiters.length].cancelled = true
        }
        const finished = accumulator.finish()
        await settled()
        while (log.underWay > 0) {
          log.answer()
          await settled()
        }
        await finished
        checkAnswers(sent, log)
        for (const bytes of log.refused) assert.ok(new RecordBatch(bytes).crcMatches(), 'a refused batch is left alone')
        assert.deepEqual([accumulator.bufferedBytes, accumulator.waitingSends, clock.scheduled], [0, 0, 0])
        assert.ok(log.mostUnderWay <= Math.max(limits.maxBufferedBytes, 600), `${log.mostUnderWay} bytes under way`)
      },
    ),
    { numRuns: 300 },
  )
})

function checkAnswers(sent: readonly Sent[], log: ListedLog): void {
  const last = new Map<number, number>()
  let acknowledged = 0
  for (const { value, partition, timestamp, waiter, index } of sent) {
    const answers = waiter.answers(index)
    // One that was given up before it was in a batch is left out, and nobody waits for its answer.
    if (!waiter.cancelled || answers > 0)
      assert.equal(answers, 1, `message ${value.slice(0, 8)} has ${answers} answers`)
    const [receipt] = waiter.receipts[index]
    if (receipt === undefined) continue
    assert.deepEqual([receipt.topic, receipt.partition, receipt.timestamp], ['t', partition, timestamp])
    assert.deepEqual(log.values.get(partition)?.[receipt.offset], { value, timestamp })
    assert.ok(receipt.offset > (last.get(partition) ?? -1), 'a partition keeps the order of the calls')
    last.set(partition, receipt.offset)
    acknowledged++
  }
  const stored = [...log.values.values()].reduce((sum, values) => sum + values.length, 0)
  assert.equal(stored, acknowledged, 'what is stored was acknowledged, and nothing twice')
}

it('keeps one entry for messages that follow each other, and a new one where they do not', () => {
  const [one, other] = [new CountingWaiter(10), new CountingWaiter(10)]
  const waiters = new BatchWaiters()
  const added: [CountingWaiter, number, number][] = [
    [one, 0, 5],
    [one, 1, 5],
    [one, 2, 6],
    [other, 3, 6],
    [one, 3, 6],
    [one, 5, 6],
  ]
  for (const [waiter, index, timestamp] of added) waiters.add(waiter, index, timestamp)
  assert.equal(waiters.ranges, 5)
  waiters.acknowledge({ topic: 't', partition: 1, baseOffset: 100, logAppendTimeMs: -1 })
  for (const [position, [waiter, index, timestamp]] of added.entries()) {
    assert.deepEqual(waiter.receipts[index], [{ topic: 't', partition: 1, offset: 100 + position, timestamp }])
  }
  assert.equal(one.answers(4), 0)
})

it('keeps a message that lingers until its time, its size, or the end', async () => {
  const clock = new ManualClock()
  const log = new ListedLog(() => false)
  const options = {
    service: log,
    clock,
    maxBufferedBytes: 1 << 20,
    batchBytes: 300,
    lingerMs: 10,
  }
  const accumulator = new Accumulator(options)
  const [queue] = queuesOf(accumulator, 1 << 20, 1)
  const waiter = new CountingWaiter(10)
  const send = (index: number, size = 10) => accumulator.append(queue, record('.'.repeat(size), 1), waiter, index)
  const sizes = () => log.requests.map(({ batch }) => new RecordBatch(batch).recordsCount)
  send(0)
  await clock.run(9)
  assert.deepEqual(sizes(), [])
  send(1)
  await clock.run(1)
  assert.deepEqual(sizes(), [2], 'counted from its first message')
  log.answer()
  await settled()
  for (let index = 2; index < 5; index++) send(index, 100)
  await settled()
  assert.deepEqual(sizes(), [2, 2], 'a full batch does not linger; what opened the next one does')
  log.answer()
  await clock.run(9)
  assert.deepEqual(sizes(), [2, 2])
  const finished = accumulator.finish()
  await settled()
  assert.deepEqual(sizes(), [2, 2, 1], 'the end does not wait for the time')
  log.answer()
  await finished
  assert.equal(clock.scheduled, 0)
})

it('does not linger while others wait for room', async () => {
  const clock = new ManualClock()
  const log = new ListedLog(() => false)
  const options = { service: log, clock, maxBufferedBytes: 200, batchBytes: 1 << 20 }
  const accumulator = new Accumulator({ ...options, lingerMs: 1000 })
  const [queue] = queuesOf(accumulator, 1 << 20, 1)
  const waiter = new CountingWaiter(3)
  for (let index = 0; index < 3; index++) accumulator.append(queue, record('.'.repeat(100), 1), waiter, index)
  for (let index = 0; index < 3; index++) {
    await settled()
    log.answer()
  }
  await settled()
  const answers = () => [0, 1, 2].map((index) => waiter.answers(index))
  assert.deepEqual(answers(), [1, 1, 0], 'nobody waits behind the last one: it lingers')
  await clock.run(1000)
  log.answer()
  await settled()
  assert.deepEqual(answers(), [1, 1, 1])
})

it('asks for stable storage where one of a batch does', async () => {
  const log = new ListedLog(() => false)
  const options = { service: log, clock: new ManualClock(), lingerMs: 0 }
  const accumulator = new Accumulator({ ...options, maxBufferedBytes: 1 << 20, batchBytes: 1 << 20 })
  const [queue, relaxed] = queuesOf(accumulator, 1 << 20)
  accumulator.append(queue, record('a', 1), new CountingWaiter(1), 0)
  accumulator.append(queue, record('b', 1), new CountingWaiter(1, true), 0)
  accumulator.append(relaxed, record('c', 1), new CountingWaiter(1), 0)
  await settled()
  assert.deepEqual(
    log.requests.map(({ partition, durable }) => [partition, durable]),
    [
      [0, true],
      [1, false],
    ],
  )
  log.answer()
  log.answer()
  await accumulator.finish()
})

it('builds again in the buffer of a batch that was acknowledged, and never in one that was refused', async () => {
  const log = new ListedLog((request) => request === 1)
  const options = { service: log, clock: new ManualClock(), lingerMs: 0 }
  const accumulator = new Accumulator({ ...options, maxBufferedBytes: 1 << 20, batchBytes: 1 << 20 })
  const [queue] = queuesOf(accumulator, 1 << 20, 1)
  for (let index = 0; index < 4; index++) {
    accumulator.append(queue, record('.'.repeat(20_000), 1), new CountingWaiter(1), 0)
    await settled()
    log.answer()
    await settled()
  }
  const memory = log.requests.map(({ batch }) => batch.buffer)
  assert.equal(memory[1], memory[0])
  assert.notEqual(memory[2], memory[1])
  assert.equal(memory[3], memory[2])
})

it('keeps no more memory for later than it may', () => {
  const buffers = new BatchBuffers(100_000)
  const [one, other] = [buffers.take(60_000), buffers.take(60_000)]
  assert.ok(one !== undefined && other !== undefined && one.length >= 60_000)
  buffers.give(one)
  buffers.give(other)
  assert.equal(buffers.take(1000), undefined, 'a small batch needs none')
  assert.equal(buffers.take(50_000), one)
  const fresh = buffers.take(50_000)
  assert.ok(fresh !== undefined && fresh !== other)
  buffers.give(fresh)
  assert.ok((buffers.take(70_000)?.length ?? 0) >= 70_000, 'one that is too small is not given')
})
