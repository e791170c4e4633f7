/**
 * Load on a cluster of three of which one broker is killed with SIGKILL and comes back: sends, a group of two members and
 * transactions go on meanwhile, and in the end everything that was acknowledged is there once, in its order.
 */

import assert from 'node:assert/strict'
import { open, type Queue } from '../../src/index.js'
import { readAll, textsOf } from '../contract/queue.cases.js'
import type { KafkaCluster } from '../support/kafka/cluster.js'
import { until } from '../support/until.js'

const partitions = 6
const aWhileMs = 3000
const progress = (what: string): void => console.error(`# ${what}`)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Sends until it is told to stop: what was acknowledged, by partition and in the order of the calls. */
class Sender {
  readonly acknowledged: string[][] = Array.from({ length: partitions }, () => [])
  readonly failures: unknown[] = []
  slowestMs = 0
  #isStopped = false
  readonly #running: Promise<unknown>

  constructor(mq: Queue, topic: string) {
    this.#running = Promise.all(this.acknowledged.map((list, partition) => this.#send(mq, topic, partition, list)))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #send(mq: Queue, topic: string, partition: number, list: string[]): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 20) {
      const values = Array.from({ length: 20 }, (_, index) => `${partition}.${n + index}`)
      const started = performance.now()
      try {
        await Promise.all(values.map((value) => mq.send(topic, { partition, value })))
        list.push(...values)
      } catch (error) {
        this.failures.push(error)
      }
      this.slowestMs = Math.max(this.slowestMs, performance.now() - started)
      await pause(20)
    }
  }
}

/** Each transaction takes a message of one topic to another, with the offset of its group. */
class Mover {
  moved = 0
  readonly failures: string[] = []
  readonly #stream: ReturnType<Queue['consume']>
  readonly #running: Promise<void>

  constructor(mq: Queue, from: string, to: string) {
    this.#stream = mq.consume(from, { group: 'movers', heartbeatIntervalMs: 200 })
    this.#running = this.#run(mq, to)
  }

  async stop(): Promise<void> {
    await this.#stream.close()
    await this.#running
  }

  async #run(mq: Queue, to: string): Promise<void> {
    for await (const message of this.#stream) {
      for (let isMoved = false; !isMoved; ) {
        try {
          await mq.transaction('mover', async (tx) => {
            await tx.send(to, { partition: message.partition, value: message.value })
            await tx.commitOffsets('movers', [message])
          })
          isMoved = true
          this.moved++
        } catch (error) {
          this.failures.push(String(error))
          await this.#throwIfMoved(mq, message)
          await pause(50)
        }
      }
    }
  }

  /** Whether the outcome that was not learned was a commit: it would be moved twice. */
  async #throwIfMoved(mq: Queue, { topic, partition, offset }: { topic: string; partition: number; offset: number }) {
    const committed = (await mq.groups.offsets('movers')).find(
      (each) => each.topic === topic && each.partition === partition,
    )
    assert.ok((committed?.offset ?? 0) <= offset, `${topic}-${partition} ${offset} was committed after all`)
  }
}

export async function killUnderLoad(cluster: KafkaCluster): Promise<void> {
  const queues = await Promise.all([1, 2, 3].map(() => open(cluster.url)))
  const [sending, one, other] = queues
  try {
    for (const topic of ['orders', 'inbox', 'outbox']) await sending.topics.create(topic, { partitions })
    const seen = new Set<string>()
    const members = [one, other].map((mq) => mq.consume('orders', { group: 'billing', heartbeatIntervalMs: 200 }))
    const consuming = members.map(async (stream) => {
      for await (const message of stream) {
        seen.add(message.text())
        // Not one commit for each: those that come while one is on its way share the next.
        const acknowledged = message.ack().catch(() => {})
        if (seen.size % 500 === 0) await acknowledged
      }
    })
    const inbox = Array.from({ length: 150 }, (_, n) => `in ${n}`)
    await sending.sendMany(
      'inbox',
      inbox.map((value, n) => ({ value, partition: n % partitions })),
    )
    const sender = new Sender(sending, 'orders')
    const mover = new Mover(one, 'inbox', 'outbox')
    await until('the load is on', () => seen.size > 100 && mover.moved > 3, 60_000)
    progress('the load is on')
    // Whoever leads a partition and coordinates the groups is hit sooner or later: each in turn.
    for (const victim of [1, 2]) {
      const before = sender.acknowledged.map(({ length }) => length)
      await cluster.kill(victim)
      await until(
        `every partition takes messages without broker ${victim}`,
        () => sender.acknowledged.every(({ length }, partition) => length > before[partition] + 100),
        60_000,
      )
      progress(`every partition takes messages without broker ${victim}`)
      await cluster.restart(victim)
      progress(`broker ${victim} is back`)
      await pause(aWhileMs)
      progress(`${seen.size} seen, ${mover.moved} moved`)
    }
    await sender.stop()
    const acknowledged = sender.acknowledged.flat()
    assert.deepEqual(sender.failures.map(String), [])
    await until('the group has seen all', () => seen.size >= acknowledged.length, 90_000)
    progress('the group has seen all')
    await until('all is moved', () => mover.moved >= inbox.length, 90_000)
    await mover.stop()
    for (const stream of members) await stream.close()
    await Promise.all(consuming)
    await check(sending, sender, inbox)
    const figures = { sent: acknowledged.length, slowestMs: Math.round(sender.slowestMs), moved: mover.moved }
    console.log(`# ${JSON.stringify({ ...figures, transactionsTriedAgain: mover.failures.length })}`)
  } finally {
    await Promise.all(queues.map((queue) => queue.close()))
  }
}

async function check(mq: Queue, sender: Sender, inbox: readonly string[]): Promise<void> {
  const stored = textsOf(await readAll(mq, 'orders'))
  for (const [partition, values] of sender.acknowledged.entries()) {
    assert.deepEqual(
      stored.filter((value) => value.startsWith(`${partition}.`)),
      values,
      `partition ${partition} holds what was acknowledged, once and in order`,
    )
  }
  let moved: string[] = []
  await until('the last transaction is visible', async () => {
    moved = textsOf(await readAll(mq, 'outbox'))
    return moved.length >= inbox.length
  })
  assert.deepEqual(moved.sort(), [...inbox].sort())
  assert.deepEqual([...new Set((await mq.groups.offsets('billing')).map(({ lag }) => lag))], [0])
}
