/**
 * Clients that write with acknowledgements until the broker dies under them, and remember what was acknowledged and at
 * which offset. Every value is unique, so that a message that is stored twice is noticed.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'

export interface Acknowledged {
  readonly offset: number
  readonly value: string
}

export interface Writer {
  readonly topic: string
  readonly acknowledged: Acknowledged[]
  /** Ends the writing; to be called after the broker is gone. */
  stop(): Promise<void>
}

/** Every writer writes to its own topic of one partition, so that offsets tell the order. */
export type StartWriter = (address: string, topic: string, tag: string) => Promise<Writer>

/** The library against a served broker: several callers at a time, each waiting for its acknowledgement. */
export const libraryWriter: StartWriter = async (address, topic, tag) => {
  const service = await RemoteBroker.connect(address)
  const queue = new Queue(service)
  const acknowledged: Acknowledged[] = []
  let running = true
  let sent = 0
  const caller = async () => {
    while (running) {
      const value = `${tag}-${sent++}`
      try {
        const { offset } = await queue.send(topic, { value })
        acknowledged.push({ offset, value })
      } catch {
        return
      }
    }
  }
  const callers = Promise.all(Array.from({ length: 20 }, caller))
  return {
    topic,
    acknowledged,
    async stop() {
      running = false
      await callers
      await queue.close().catch(() => {})
      await service.close().catch(() => {})
    },
  }
}

/** kafkajs with acks=all and idempotence, a few messages a request. */
export const kafkajsWriter: StartWriter = async (address, topic, tag) => {
  // An idempotent producer insists on at least one; a broker that was killed stays away, so it soon gives up.
  const retry = { retries: 1, initialRetryTime: 5, maxRetryTime: 10 }
  const kafka = new Kafka({ clientId: 'crash', brokers: [address], logLevel: logLevel.NOTHING, retry })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry })
  await producer.connect()
  const acknowledged: Acknowledged[] = []
  const state = { running: true }
  const writing = writeWithKafkajs(producer, topic, tag, acknowledged, state)
  return {
    topic,
    acknowledged,
    async stop() {
      state.running = false
      await writing
      await producer.disconnect().catch(() => {})
    },
  }
}

async function writeWithKafkajs(
  producer: Producer,
  topic: string,
  tag: string,
  acknowledged: Acknowledged[],
  state: { running: boolean },
): Promise<void> {
  for (let sent = 0; state.running; ) {
    const values = Array.from({ length: 3 }, () => `${tag}-${sent++}`)
    try {
      const [{ baseOffset }] = await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) })
      values.forEach((value, i) => {
        acknowledged.push({ offset: Number(baseOffset) + i, value })
      })
    } catch {
      return
    }
  }
}

/** kcat with idempotence: it reports each delivery with its offset, in the order of the messages. */
export const kcatWriter: StartWriter = async (address, topic, tag) => {
  const settings = ['acks=all', 'enable.idempotence=true', 'linger.ms=1', 'topic.produce.offset.report=true']
  // It reports deliveries only to those who ask four times.
  const loud = ['-v', '-v', '-v', '-v']
  const args = [
    '-P',
    '-b',
    address,
    '-t',
    topic,
    '-p',
    '0',
    '-u',
    ...loud,
    ...settings.flatMap((setting) => ['-X', setting]),
  ]
  const child = spawn('kcat', args, { stdio: ['pipe', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  const acknowledged: Acknowledged[] = []
  let delivered = 0
  createInterface({ input: child.stderr }).on('line', (line) => {
    const offset = /Message delivered to partition 0 \(offset (\d+)\)/.exec(line)?.[1]
    if (offset !== undefined) acknowledged.push({ offset: Number(offset), value: `${tag}-${delivered++}` })
  })
  child.stdin.on('error', () => {})
  let running = true
  const writing = (async () => {
    for (let sent = 0; running; ) {
      const lines = Array.from({ length: 50 }, () => `${tag}-${sent++}\n`).join('')
      // kcat ends by itself when its broker is gone.
      if (!child.stdin.write(lines)) await Promise.race([once(child.stdin, 'drain'), exited]).catch(() => {})
      if (child.exitCode !== null) return
      // kcat reports deliveries between the lines it reads, so the lines have to keep coming.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  return {
    topic,
    acknowledged,
    async stop() {
      running = false
      child.kill('SIGKILL')
      await exited
      await writing
    },
  }
}
