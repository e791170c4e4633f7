/** A served broker is killed again and again under clients that stay, and all that they see is written down. */

import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import type { Dice } from '../crash/seeded.js'
import { freePorts } from '../support/free-ports.js'
import { serve } from '../support/served-broker.js'
import { ChangingMembers } from './consumers.js'
import { readFinal } from './final-log.js'
import type { Delivery, FinalPartition, History } from './history.js'
import type { LyingProxy } from './lying-proxy.js'
import {
  endTransactionsOf,
  kafkajs,
  sendTransactions,
  sendWithKafkajs,
  sendWithLibrary,
  sendWithPlatformatic,
} from './producers.js'
import { type Life, pause, Recorder } from './recorder.js'

const topic = 't'
const partitions = 3
const group = 'g'
const drainTries = 600

export interface KillOptions {
  readonly dataDir: string
  readonly kills: number
  readonly dice: Dice
  readonly settings: Readonly<Record<string, string | number>>
  /** How long a broker lives. */
  readonly lifeMs?: { readonly from: number; readonly to: number }
  /** What clients talk to in place of the broker at a port. */
  readonly front?: (port: number) => Promise<LyingProxy>
}

export async function killAndRecord(options: KillOptions): Promise<History> {
  const { dataDir, kills, dice, settings, lifeMs = { from: 100, to: 1200 } } = options
  const [port] = await freePorts(1)
  const front = await options.front?.(port)
  const address = front?.address ?? `127.0.0.1:${port}`
  const args = ['--listen', `127.0.0.1:${port}`, '--advertise', address]
  const start = () => serve(dataDir, { settings, args })
  let broker = await start()
  const recorder = new Recorder()
  const life: Life = { address, topic, partitions, recorder, running: true }
  const members = new ChangingMembers(life, group)
  try {
    const service = await RemoteBroker.connect(address)
    await service.createTopic({ name: topic, partitions })
    await service.close()
    const senders = [
      sendWithLibrary(life, 'library'),
      sendWithKafkajs(life, 'kafkajs'),
      sendWithPlatformatic(life, 'platformatic'),
      sendTransactions(life, 'transactions'),
    ]
    members.join()
    for (let kill = 0; kill < kills; kill++) {
      await pause(dice.between(lifeMs.from, lifeMs.to))
      await broker.end('SIGKILL')
      recorder.add({ op: 'kill', at: recorder.stamp() })
      broker = await start()
      await fetchCommitted(life)
      if (members.count < 2) members.join()
      else if (dice.next() < 0.2) members.leave()
    }
    await pause(500)
    life.running = false
    await Promise.all(senders)
    await endTransactionsOf(address, 'transactions')
    const final = await readFinal(address, topic, partitions)
    if (front === undefined) await drain(recorder, final)
    return { operations: recorder.operations, final, drained: front === undefined ? [group] : [] }
  } finally {
    life.running = false
    await members.close()
    await broker.end('SIGTERM')
    front?.close()
  }
}

async function fetchCommitted(life: Life): Promise<void> {
  const admin = kafkajs(life.address).admin()
  await admin.connect()
  const begin = life.recorder.stamp()
  const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  const end = life.recorder.stamp()
  for (const { partition, offset } of found.partitions) {
    const known = offset === '-1' ? undefined : Number(offset)
    life.recorder.add({ op: 'fetch', begin, end, group, partition, offset: known })
  }
  await admin.disconnect()
}

/** Waits until the group has all that it can see; what it then still lacks the checker tells. */
export async function drain({ operations }: Recorder, final: readonly FinalPartition[]): Promise<void> {
  const visible = final.flatMap(({ records }, partition) =>
    records
      .filter(({ payload, committed }) => payload !== undefined && committed)
      .map(({ offset }) => `${partition}/${offset}`),
  )
  for (let i = 0; i < drainTries; i++) {
    const deliveries = operations.filter((one): one is Delivery => one.op === 'deliver')
    const got = new Set(deliveries.map(({ partition, offset }) => `${partition}/${offset}`))
    if (visible.every((one) => got.has(one))) return
    await pause(100)
  }
}
