/**
 * A program that writes at random what a Kafka broker may be sent, until it did so many operations, or is killed:
 * `random-writer.ts DIR SEED OPERATIONS SETTINGS`. It says how far it is, every ten operations, closes in order, and says so: `closed`.
 */

import { writeSync } from 'node:fs'
import { Broker } from '../../src/broker/index.js'
import { buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { codecNames } from '../../src/records/format.js'
import type { RecordInput } from '../../src/records/record.js'
import { type Dice, dice } from '../crash/seeded.js'

const [dataDir, seed, operations, settings] = process.argv.slice(2)
const chance = dice(Number(seed))
const broker = await Broker.open(dataDir, { settings: JSON.parse(settings) })
await prepareCodec('zstd')

const topics: { name: string; partitions: number; config: Record<string, string> }[] = [
  { name: 'events', partitions: 2, config: { 'retention.bytes': `${5 << 20}` } },
  { name: 'table', partitions: 1, config: { 'cleanup.policy': 'compact' } },
  { name: 'stamped', partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } },
]
const there = (await broker.describeTopics(topics.map(({ name }) => name))).map(({ name }) => name)
for (const topic of topics) if (!there.includes(topic.name)) await broker.createTopic(topic)
const places = topics.flatMap(({ name, partitions }) =>
  Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
)

const pick = <T>(from: readonly T[]): T => from[chance.between(0, from.length - 1)]
const words = ['hold', 'fast', 'log', 'ü', '', 'segment', 'a longer word that compresses '.repeat(8)]

function bytes(dice: Dice, longest: number): Buffer {
  const length = dice.between(0, longest)
  if (dice.next() < 0.5)
    return Buffer.from(
      pick(words)
        .repeat(Math.ceil(length / 10))
        .slice(0, length),
    )
  return Buffer.from(Array.from({ length }, () => dice.between(0, 255)))
}

/** Recent, since Kafka forgets producers that were last heard of a day ago. */
const baseTimestamp = Date.now() - 10_000_000

/** Out of order, so that the time index has something to leave out. */
function record(mayLackKey: boolean): RecordInput {
  const headers = Array.from({ length: chance.next() < 0.3 ? chance.between(1, 3) : 0 }, () => ({
    key: pick(['trace', '', 'ä', 'trace']),
    value: chance.next() < 0.3 ? null : bytes(chance, 20),
  }))
  return {
    key: mayLackKey && chance.next() < 0.25 ? null : Buffer.from(`k${chance.between(0, 500)}`),
    value: chance.next() < 0.1 ? null : bytes(chance, chance.next() < 0.02 ? 50_000 : 1000),
    headers,
    timestamp: baseTimestamp + chance.between(0, 10_000_000),
  }
}

/** A compacted topic takes none without a key. */
const records = ({ topic }: { topic: string }): RecordInput[] =>
  Array.from({ length: chance.between(1, 20) }, () => record(topic !== 'table'))

/** One that counts its batches, on one partition, and now and then sends the last one again. */
async function idempotentProducer(): Promise<(place: (typeof places)[number]) => Promise<unknown>> {
  const { producerId, producerEpoch } = await broker.initProducer({
    transactionalId: null,
    producerId: -1,
    producerEpoch: -1,
  })
  const next = new Map<object, number>()
  return async (place) => {
    const batch = records(place)
    const baseSequence = next.get(place) ?? 0
    next.set(place, baseSequence + batch.length)
    const options = { codec: pick(codecNames), producerId, producerEpoch, baseSequence }
    const built = buildBatch(batch, options).bytes
    const again = chance.next() < 0.1 ? Buffer.from(built) : undefined
    await broker.produce({ ...place, batch: built })
    if (again !== undefined) await broker.produce({ ...place, batch: again })
  }
}

const producers = await Promise.all(Array.from({ length: 4 }, idempotentProducer))

type Transaction = (some: readonly (typeof places)[number][]) => Promise<void>

/** One that writes to some partitions and commits offsets, and then commits all of it, or aborts it. */
async function transactionalProducer(transactionalId: string): Promise<Transaction> {
  const request = { transactionalId, producerId: -1, producerEpoch: -1 }
  const producer = { transactionalId, ...(await broker.initProducer(request)) }
  const { producerId, producerEpoch } = producer
  const next = new Map<object, number>()
  return async (some) => {
    await broker.addPartitionsToTransaction(producer, some)
    for (const place of some) {
      const batch = records(place)
      const baseSequence = next.get(place) ?? 0
      next.set(place, baseSequence + batch.length)
      const options = { codec: pick(codecNames), producerId, producerEpoch, baseSequence, isTransactional: true }
      await broker.produce({ ...place, batch: buildBatch(batch, options).bytes, transactionalId })
    }
    if (chance.next() < 0.3) {
      const commit = commitOf(some[0])
      await broker.addOffsetsToTransaction(producer, commit.groupId)
      await broker.commitTransactionalOffsets({ ...commit, ...producer })
    }
    await broker.endTransaction(producer, chance.next() < 0.6)
  }
}

const transactions = await Promise.all(['a', 'b', 'c'].map(transactionalProducer))

async function deleteSome(place: (typeof places)[number]): Promise<void> {
  const [found] = await broker.findOffsets([{ ...place, currentLeaderEpoch: -1, query: 'latest' }])
  await broker.deleteRecords(place, chance.between(0, found.offset >> 1))
}

function commitOf(place: (typeof places)[number]) {
  const offset = { ...place, offset: chance.between(0, 1000), leaderEpoch: -1, metadata: pick(words) }
  const groupId = `group-${chance.between(0, 9)}`
  return { groupId, memberId: '', groupInstanceId: null, generationId: -1, offsets: [offset] }
}

let done = 0

/** A caller has a producer of its own, since batches of one producer must come in order. */
async function caller(index: number): Promise<void> {
  const mine = transactions[index - producers.length]
  while (done < Number(operations)) {
    if (++done % 10 === 0) writeSync(1, `${done}\n`)
    const place = pick(places)
    const dice = chance.next()
    if (dice < 0.003) await deleteSome(place)
    else if (dice < 0.06) await broker.commitOffsets(commitOf(place))
    else if (dice < 0.5 && index < producers.length) await producers[index](place)
    else if (dice < 0.5 && mine !== undefined) await mine([...new Set([place, pick(places)])])
    else await broker.produce({ ...place, batch: buildBatch(records(place), { codec: pick(codecNames) }).bytes })
  }
}

await Promise.all(Array.from({ length: 8 }, (_, index) => caller(index)))
await broker.close()
writeSync(1, 'closed\n')
