/** Transactions of the library, in this process and across a wire. */

import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { all, texts, type World, world } from './world.js'

type Place = World & { readonly other: Queue }

/** Two queues on one broker; `mq` and `other` as two programs would have them. */
async function places(t: TestContext): Promise<Record<string, Place>> {
  const here = await world(t)
  const there = await world(t)
  const server = await KafkaServer.listen(there.broker, { host: '127.0.0.1', port: 0 })
  const address = `127.0.0.1:${server.port}`
  const [mq, remote] = [new Queue(await RemoteBroker.connect(address)), new Queue(await RemoteBroker.connect(address))]
  const other = new Queue(here.broker)
  t.after(async () => {
    await mq.close()
    await remote.close()
    await server.close()
  })
  return { 'in this process': { ...here, other }, 'across a wire': { ...there, mq, other: remote } }
}

function each(what: string, test: (place: Place) => Promise<void>): void {
  it(what, async (t) => {
    for (const [where, place] of Object.entries(await places(t))) {
      await test(place).catch((cause: unknown) => {
        throw new Error(`${where}: ${(cause as Error).message}`, { cause })
      })
    }
  })
}

const read = async ({ mq }: Place, topic: string): Promise<string[]> =>
  texts(await all(mq.consume(topic, { follow: false }))).sort()

each('what is sent holds together when the work is done, and not before', async (place) => {
  const { mq, other } = place
  const result = await mq.transaction('t', async (tx) => {
    const { offset } = await tx.send('a', { value: 'one' })
    await tx.sendMany('b', [{ value: 'two' }, { value: 'three' }])
    void tx.send('a', { value: 'four' })
    assert.deepEqual(texts(await all(other.consume('a', { follow: false }))), [])
    return offset
  })
  assert.equal(result, 0)
  assert.deepEqual(
    [await read(place, 'a'), await read(place, 'b')],
    [
      ['four', 'one'],
      ['three', 'two'],
    ],
  )
  await mq.transaction('t', async (tx) => void (await tx.send('a', { value: 'five' })))
  assert.deepEqual(await read(place, 'a'), ['five', 'four', 'one'])
})

each('nothing holds where the work throws or a message is refused, and the next transaction does', async (place) => {
  const { mq } = place
  const failure = new Error('no')
  await assert.rejects(
    mq.transaction('t', async (tx) => {
      await tx.send('a', { value: 'gone' })
      throw failure
    }),
    failure,
  )
  await assert.rejects(
    mq.transaction('t', async (tx) => {
      await tx.send('a', { value: 'gone too' })
      await tx.send('a', { value: Buffer.alloc(2 ** 21) }).catch(() => {})
    }),
    { code: 'MESSAGE_TOO_LARGE' },
  )
  await mq.transaction('t', async () => {})
  await mq.transaction('t', async (tx) => void (await tx.send('a', { value: 'kept' })))
  assert.deepEqual(await read(place, 'a'), ['kept'])
})

each('a group goes on behind the messages that were worked on, with what was made of them', async (place) => {
  const { mq, broker } = place
  await mq.sendMany('in', [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
  const messages = await all(mq.consume('in', { follow: false }))
  const workOn = (some: typeof messages, fails: boolean) =>
    mq.transaction('t', async (tx) => {
      await tx.sendMany(
        'out',
        some.map((message) => ({ value: `made of ${message.text()}` })),
      )
      await tx.commitOffsets('g', some)
      if (fails) throw new Error('no')
    })
  await workOn(messages.slice(0, 2), false)
  await assert.rejects(workOn(messages.slice(2), true))
  const [committed] = await broker.fetchOffsets('g', null, { requireStable: true })
  assert.equal(committed.offset, 2)
  assert.deepEqual(await read(place, 'out'), ['made of a', 'made of b'])
})

each('whoever begins under an id takes it over: what was open is aborted, and its holder fenced', async (place) => {
  const { mq, other } = place
  const lost = mq.transaction('t', async (tx) => {
    await tx.send('a', { value: 'lost' })
    await other.transaction('t', async (mine) => void (await mine.send('a', { value: 'kept' })))
    await tx.send('a', { value: 'late' })
  })
  await assert.rejects(lost, ({ code }: { code: string }) =>
    ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'].includes(code),
  )
  assert.deepEqual(await read(place, 'a'), ['kept'])
})

it('transactions of one id come one after the other, and a closed queue begins none', async (t) => {
  const { mq } = await world(t)
  const steps: string[] = []
  const run = (name: string) =>
    mq.transaction('t', async (tx) => {
      steps.push(`${name} begins`)
      await tx.send('a', { value: name })
      steps.push(`${name} ends`)
    })
  await Promise.all([run('one'), run('two')])
  assert.deepEqual(steps, ['one begins', 'one ends', 'two begins', 'two ends'])
  let escaped: { send(topic: string, message: { value: string }): Promise<unknown> } | undefined
  await mq.transaction('t', async (tx) => {
    escaped = tx
  })
  await assert.rejects(Promise.resolve(escaped?.send('a', { value: 'late' })), { code: 'INVALID_TXN_STATE' })
  await assert.rejects(
    mq.transaction('', async () => {}),
    { code: 'INVALID_ARGUMENT' },
  )
  await assert.rejects(
    mq.transaction('t', async () => {}, { timeoutMs: 0 }),
    { code: 'INVALID_ARGUMENT' },
  )
  await mq.close()
  await assert.rejects(run('three'), { code: 'CLOSED' })
})
