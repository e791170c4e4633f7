/** Transactions, wherever the queue is: all of one or nothing, for those who read what is committed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/until.js'
import { newTopic, type QueueWorld, readAll, textsOf } from './queue.cases.js'

let ids = 0
const newId = (): string => `transactional-${ids++}`

export function transactionCases(world: () => QueueWorld): void {
  test('what a transaction wrote is read when it is committed, and never where it was aborted', async () => {
    const { mq } = world()
    const [one, two] = [await newTopic(mq, 3), await newTopic(mq)]
    const id = newId()
    const both = async (label: string) => {
      await mq.transaction(id, async (tx) => {
        for (let partition = 0; partition < 3; partition++)
          await tx.send(one, { partition, value: `${label} ${partition}` })
        await tx.sendMany(two, [{ value: `${label} a` }, { value: `${label} b` }])
        if (label === 'aborted') throw new Error('no')
      })
    }
    await both('first')
    await assert.rejects(both('aborted'), /no/)
    await both('second')
    // A cluster decides first and tells every partition afterwards.
    const texts = async (topic: string) => textsOf(await readAll(mq, topic)).sort()
    const of = (label: string) => [0, 1, 2].map((partition) => `${label} ${partition}`)
    await until('all is visible', async () => (await texts(one)).length >= 6 && (await texts(two)).length >= 4)
    assert.deepEqual(await texts(one), [...of('first'), ...of('second')])
    assert.deepEqual(await texts(two), ['first a', 'first b', 'second a', 'second b'])
    const everything = await mq.read(two, { isolation: 'uncommitted' })
    assert.deepEqual(
      textsOf(everything).filter((text) => text.startsWith('aborted')),
      ['aborted a', 'aborted b'],
    )
  })

  test('offsets hold with the transaction, and a later holder of the id fences the earlier one', async () => {
    const { mq, another } = world()
    const [orders, invoices] = [await newTopic(mq), await newTopic(mq)]
    const group = `of-${orders}`
    await mq.sendMany(orders, [{ value: '0' }, { value: '1' }, { value: '2' }])
    const id = newId()
    const work = (from: typeof mq, offset: number, fails = false) =>
      from.transaction(id, async (tx) => {
        await tx.send(invoices, { value: `for ${offset}` })
        await tx.commitOffsets(group, [{ topic: orders, partition: 0, offset }])
        if (fails) throw new Error('no')
      })
    await work(mq, 0)
    await assert.rejects(work(mq, 1, true), /no/)
    const committed = async () => (await mq.groups.offsets(group)).map(({ offset }) => offset).join()
    await until('the offset of the first holds', async () => (await committed()) === '1')
    const other = await another()
    if (other !== mq) {
      const [started, fenced] = [signal(), signal()]
      const late = mq.transaction(id, async (tx) => {
        await tx.send(invoices, { value: 'late' })
        started.give()
        await fenced.given
      })
      await started.given
      await work(other, 1)
      fenced.give()
      await assert.rejects(late, ({ code }: { code: string }) => /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/.test(code))
    } else {
      await work(mq, 1)
    }
    await until('the offset of the last holds', async () => (await committed()) === '2')
    await until('both are visible', async () => (await readAll(mq, invoices)).length >= 2)
    assert.deepEqual(textsOf(await readAll(mq, invoices)), ['for 0', 'for 1'])
  })
}

function signal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => {}
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return { given, give: () => give() }
}
