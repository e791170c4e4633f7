/** A second opinion: batches of two independent JavaScript clients, read by us, and ours, read by them. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { before, describe, it } from 'node:test'
import { createRecordsBatch, Reader, readRecordsBatch } from '@platformatic/kafka'
import { buildBatch } from '../../../src/records/builder.js'
import { prepareCodec } from '../../../src/records/compression/index.js'
import { type Codec, codecNames } from '../../../src/records/format.js'
import { readRecords } from '../../../src/records/reader.js'
import { verifyProducedBatch } from '../../../src/records/verify.js'

const base = 1_700_000_000_000
const limits = { maxBatchBytes: 1 << 22, maxUncompressedBytes: 1 << 24 }

interface Message {
  key: Buffer
  value: Buffer
  headers: Array<[string, string]>
  timestamp: number
}

/** Few small messages, and enough for several blocks of every codec. */
const sets: Message[][] = [3, 3000].map((count) =>
  Array.from({ length: count }, (_, index) => ({
    key: Buffer.from(`key ${index}`),
    value: Buffer.from(JSON.stringify({ index, square: index * index, text: 'a message like many others '.repeat(3) })),
    headers: [['trace', `${index * 7919}`]],
    timestamp: base + ((index * 37) % 1000),
  })),
)

const ours = (messages: Message[], codec: Codec) =>
  buildBatch(
    messages.map(({ key, value, headers, timestamp }) => ({
      key,
      value,
      timestamp,
      headers: headers.map(([name, text]) => ({ key: name, value: Buffer.from(text) })),
    })),
    { codec },
  )

/** What both sides must agree on, as text. */
const summary = (messages: Message[]) =>
  messages.map(({ key, value, headers, timestamp }) => [`${key}`, `${value}`, headers, timestamp])

function readByUs(bytes: Buffer) {
  return readRecords(verifyProducedBatch(bytes, limits)).map((record) => [
    `${record.key}`,
    `${record.value}`,
    record.headers.map(({ key, value }) => [key, `${value}`]),
    record.timestamp,
  ])
}

before(async () => {
  await prepareCodec('zstd')
})

describe('@platformatic/kafka', () => {
  // Its zstd is that of Node, so it needs Node 22.15.
  const codecs = codecNames.filter(
    (codec) => codec !== 'zstd' || 'zstdCompressSync' in process.getBuiltinModule('node:zlib'),
  )

  for (const codec of codecs) {
    it(`${codec}: its batches are read by us`, () => {
      for (const messages of sets) {
        const theirs = messages.map((message) => ({
          ...message,
          topic: 't',
          headers: new Map(message.headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
          timestamp: BigInt(message.timestamp),
        }))
        const written = createRecordsBatch(theirs, { compression: codec })
        assert.deepEqual(readByUs(written.buffer), summary(messages))
      }
    })

    // It reads raw snappy blocks only, and so not what Java clients write either.
    if (codec === 'snappy') continue

    it(`${codec}: our batches are read by it`, () => {
      for (const messages of sets) {
        const read = readRecordsBatch(Reader.from(ours(messages, codec).bytes))
        assert.deepEqual(
          read.records.map(({ key, value, headers, timestampDelta }) => [
            `${key}`,
            `${value}`,
            headers.map(([name, text]) => [`${name}`, `${text}`]),
            Number(read.firstTimestamp + timestampDelta),
          ]),
          summary(messages),
        )
      }
    })
  }
})

interface KafkaJsRecord {
  key: Buffer
  value: Buffer
  headers: Record<string, Buffer>
  timestamp: string
}

describe('kafkajs', () => {
  // Its wire formats are no part of its interface, but its version is pinned.
  const load = createRequire(import.meta.url)
  const protocol = 'kafkajs/src/protocol'
  const encodeRecord = load(`${protocol}/recordBatch/record/v0`)
  const { RecordBatch: encodeBatch } = load(`${protocol}/recordBatch/v0`)
  const decodeBatch = load(`${protocol}/recordBatch/v0/decoder`)
  const Decoder = load(`${protocol}/decoder`)

  for (const [id, codec] of (['none', 'gzip'] as const).entries()) {
    it(`${codec}: its batches are read by us, and ours by it`, async () => {
      for (const messages of sets) {
        const records = messages.map(({ key, value, headers, timestamp }, offsetDelta) =>
          encodeRecord({
            key,
            value,
            offsetDelta,
            timestampDelta: timestamp - base,
            headers: Object.fromEntries(headers),
          }),
        )
        const written = await encodeBatch({
          compression: id,
          firstTimestamp: base,
          maxTimestamp: Math.max(...messages.map((message) => message.timestamp)),
          lastOffsetDelta: records.length - 1,
          records,
        })
        assert.deepEqual(readByUs(written.buffer), summary(messages))

        const read = await decodeBatch(new Decoder(ours(messages, codec).bytes))
        assert.deepEqual(
          read.records.map(({ key, value, headers, timestamp }: KafkaJsRecord) => [
            `${key}`,
            `${value}`,
            Object.entries(headers).map(([name, text]) => [name, `${text}`]),
            Number(timestamp),
          ]),
          summary(messages),
        )
      }
    })
  }
})
