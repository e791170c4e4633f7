/** Real clients that stay through all faults: three kinds of producers, transactions, a group that changes, and readers. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from '../../src/client/queue.js'
import { open } from '../../src/index.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { ChangingMembers } from '../history/consumers.js'
import type { Delivery } from '../history/history.js'
import { kafkajs, sendTransactions, sendWith, sendWithKafkajs, sendWithPlatformatic } from '../history/producers.js'
import type { Life } from '../history/recorder.js'

export const group = 'g'
export const transactions = 'transactions'
/** kafkajs, which reads it all, knows none of the better ways. */
const plain = { compression: 'none' } as const
/** With `open` it is half a minute. */
const impatientMs = 3000

/** A library client that soon takes a silent leader for lost. */
const impatient = (life: Life): Promise<RemoteBroker> =>
  RemoteBroker.connect(life.address, { requestTimeoutMs: impatientMs, retryMs: 60_000 })

const sendImpatiently = (life: Life, name: string): Promise<void> =>
  sendWith(life, name, 'idempotent', async () => queueSends(new Queue(await impatient(life), plain), life))

const queueSends = (queue: Queue, life: Life) => ({
  // What pads the messages is no part of the history, and is compared on the disks.
  send: async (partition: number, value: string) =>
    (await queue.send(life.topic, { key: padding(value), value, partition })).offset,
  close: () => queue.close(),
})

/** Every tenth message is larger. */
const padding = (value: string): string | undefined => (value.endsWith('7') ? value.padEnd(4000, '.') : undefined)

export interface Load {
  readonly members: ChangingMembers
  /** What consumers had to begin anew for. */
  readonly restarts: string[]
  /** Resolves when all producers have ended. */
  readonly senders: Promise<unknown>
  /** Resolves when the readers have ended, too. */
  readonly readers: Promise<unknown>
}

export function startLoad(life: Life, hasKcat: boolean): Load {
  const restarts: string[] = []
  const members = new ChangingMembers(life, group)
  members.join()
  members.join()
  const senders = Promise.all([
    sendWith(life, 'library', 'idempotent', async () => queueSends(await open(`kafka://${life.address}`, plain), life)),
    sendImpatiently(life, 'impatient'),
    sendWithKafkajs(life, 'kafkajs'),
    sendWithPlatformatic(life, 'platformatic'),
    sendTransactions(life, transactions),
  ])
  const readers = Promise.all([readWithLibrary(life, restarts), hasKcat ? readWithKcat(life, restarts) : undefined])
  return { members, restarts, senders, readers }
}

/** A producer and a reader, for a topic that is not the main one. */
export function startSmallLoad(life: Life): Pick<Load, 'restarts' | 'senders' | 'readers'> {
  const restarts: string[] = []
  return { restarts, senders: sendImpatiently(life, 'small'), readers: readWithLibrary(life, restarts) }
}

const delivery = (
  life: Life,
  reader: string,
  session: string,
  more: Pick<Delivery, 'partition' | 'offset' | 'payload'>,
) =>
  life.recorder.add({
    op: 'deliver',
    at: life.recorder.stamp(),
    group: reader,
    session,
    isolation: 'read_committed',
    ...more,
  })

/** From the beginning to the end of the run; where it fails it begins anew. */
async function readWithLibrary(life: Life, restarts: string[]): Promise<void> {
  for (let number = 0; life.running; number++) {
    try {
      await using queue = new Queue(await impatient(life))
      const stream = queue.consume(life.topic)
      const stopping = whenStopped(life, () => stream.close())
      for await (const message of stream) {
        const { partition, offset } = message
        delivery(life, 'reader', `reader.${number}`, { partition, offset, payload: message.text() })
      }
      await stopping
    } catch (error) {
      restarts.push(`the library's reader: ${String(error)}`)
      await pause(500)
    }
  }
}

async function whenStopped(life: Life, stop: () => unknown): Promise<void> {
  while (life.running) await pause(100)
  await stop()
}

/** The same by librdkafka; it takes an offset that is out of range for an error. */
async function readWithKcat(life: Life, restarts: string[]): Promise<void> {
  const settings = ['auto.offset.reset=error', 'socket.timeout.ms=5000', 'isolation.level=read_committed']
  for (let number = 0; life.running; number++) {
    const child = spawn('kcat', [
      ...['-C', '-b', life.address, '-t', life.topic, '-o', 'beginning', '-u', '-f', '%p %o %s\\n'],
      ...settings.flatMap((setting) => ['-X', setting]),
    ])
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors = `${errors}${chunk}`.slice(-2000)
    })
    const ended = once(child, 'exit')
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, partition, offset, payload] = /^(\d+) (\d+) (.*)$/.exec(line) ?? []
      delivery(life, 'kcat', `kcat.${number}`, { partition: Number(partition), offset: Number(offset), payload })
    })
    void whenStopped(life, () => child.kill('SIGTERM'))
    const [code, signal] = await ended
    if (life.running)
      restarts.push(`kcat ended with ${code ?? signal}: ${errors.trim().split('\n').slice(-2).join(' / ')}`)
    await pause(500)
  }
}

/** Asks what the group has committed, as often as it is told. */
export async function fetchCommitted(life: Life, partitions: number): Promise<void> {
  const admin = kafkajs(life.address).admin()
  try {
    await admin.connect()
    const begin = life.recorder.stamp()
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [life.topic] })
    const end = life.recorder.stamp()
    for (const { partition, offset } of found.partitions) {
      if (partition >= partitions) continue
      const known = offset === '-1' ? undefined : Number(offset)
      life.recorder.add({ op: 'fetch', begin, end, group, partition, offset: known })
    }
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
