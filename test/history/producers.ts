/**
 * Clients of several kinds that send through kills of the broker. One that gave up on a send is replaced by a new
 * producer, as its makers tell programs to do, since it cannot know what became of that send.
 */

import { Producer as PlatformaticProducer, stringSerializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import type { ProducerKind, Send } from './history.js'
import { letOthersHaveTheirTurns } from './kafkajs-turns.js'
import { type Life, pause } from './recorder.js'

letOthersHaveTheirTurns()

export const kafkajs = (address: string) =>
  new Kafka({
    clientId: 'history',
    brokers: address.split(','),
    logLevel: logLevel.NOTHING,
    requestTimeout: 5000,
    retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 12 },
  })

type SendOne = (partition: number, payload: string) => Promise<number>

export interface Connected {
  readonly send: SendOne
  close(): Promise<unknown>
}

interface Identity {
  readonly producer: string
  readonly kind: ProducerKind
  sequence: number
}

/** Records one send; whether it was answered. */
async function record(life: Life, who: Identity, send: SendOne, transaction?: string): Promise<boolean> {
  const sequence = who.sequence++
  const partition = sequence % life.partitions
  const payload = `${who.producer}-${sequence}`
  const begin = life.recorder.stamp()
  const { producer, kind } = who
  const base = { op: 'send' as const, begin, producer, kind, sequence, transaction, partition, payload }
  let outcome: Send['outcome'] = 'unknown'
  try {
    outcome = { offset: await send(partition, payload) }
  } catch {
    // What became of it nobody knows.
  }
  const answered = outcome !== 'unknown'
  life.recorder.add({ ...base, end: answered ? life.recorder.stamp() : Number.POSITIVE_INFINITY, outcome })
  return answered
}

/** One after the other, and with a new producer after each send without an answer. */
export async function sendWith(life: Life, name: string, kind: ProducerKind, connect: () => Promise<Connected>) {
  for (let number = 0; life.running; number++) {
    const connected = await connect().catch(() => undefined)
    if (connected === undefined) {
      await pause(50)
      continue
    }
    const who = { producer: `${name}.${number}`, kind, sequence: 0 }
    while (life.running && (await record(life, who, connected.send))) await pause(life.betweenSendsMs ?? 1)
    await connected.close().catch(() => {})
  }
}

export const sendWithLibrary = (life: Life, name: string) =>
  sendWith(life, name, 'plain', async () => {
    const service = await RemoteBroker.connect(life.address)
    const queue = new Queue(service)
    return {
      send: async (partition, value) => (await queue.send(life.topic, { value, partition })).offset,
      close: async () => {
        await queue.close().catch(() => {})
        await service.close()
      },
    }
  })

export const sendWithKafkajs = (life: Life, name: string) =>
  sendWith(life, name, 'idempotent', async () => {
    const producer = kafkajs(life.address).producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    return {
      send: async (partition, value) => {
        const [{ baseOffset }] = await producer.send({ topic: life.topic, acks: -1, messages: [{ value, partition }] })
        return Number(baseOffset)
      },
      close: () => producer.disconnect(),
    }
  })

export const sendWithPlatformatic = (life: Life, name: string) =>
  sendWith(life, name, 'idempotent', async () => {
    const producer = new PlatformaticProducer({
      clientId: 'history',
      bootstrapBrokers: life.address.split(','),
      retries: 20,
      retryDelay: 50,
      serializers: stringSerializers,
      idempotent: true,
      acks: -1,
    })
    return {
      send: async (partition, value) => {
        const { offsets } = await producer.send({ messages: [{ topic: life.topic, partition, value }] })
        if (offsets === undefined) throw new Error('no offset in the answer')
        return Number(offsets[0].offset)
      },
      close: () => producer.close(),
    }
  })

/** Transactions of three messages, every fourth of which is taken back. */
export async function sendTransactions(life: Life, name: string): Promise<void> {
  for (let number = 0; life.running; number++) {
    const producer = kafkajs(life.address).producer({ transactionalId: name, idempotent: true, maxInFlightRequests: 1 })
    const who = { producer: `${name}.${number}`, kind: 'transactional' as const, sequence: 0 }
    try {
      await producer.connect()
      for (let count = 0; life.running; count++) {
        if (!(await oneTransaction(life, who, `${who.producer}/${count}`, count % 4 !== 3, producer))) break
      }
    } catch {
      await pause(50)
    }
    await producer.disconnect().catch(() => {})
  }
}

type Transactions = Pick<ReturnType<Kafka['producer']>, 'transaction'>

async function oneTransaction(life: Life, who: Identity, name: string, commits: boolean, producer: Transactions) {
  const transaction = await producer.transaction()
  const send: SendOne = async (partition, value) => {
    const [{ baseOffset }] = await transaction.send({ topic: life.topic, acks: -1, messages: [{ value, partition }] })
    return Number(baseOffset)
  }
  for (let i = 0; i < 3; i++) {
    if (await record(life, who, send, name)) continue
    life.recorder.add({ op: 'end', transaction: name, outcome: 'aborted' })
    return false
  }
  try {
    await (commits ? transaction.commit() : transaction.abort())
    life.recorder.add({ op: 'end', transaction: name, outcome: commits ? 'committed' : 'aborted' })
    return true
  } catch {
    life.recorder.add({ op: 'end', transaction: name, outcome: commits ? 'unknown' : 'aborted' })
    return false
  }
}

/** Ends what a transactional producer that is gone has left open. */
export async function endTransactionsOf(address: string, transactionalId: string): Promise<void> {
  const producer = kafkajs(address).producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  await producer.disconnect()
}
