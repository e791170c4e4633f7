/**
 * Kafka's files to the byte. The vectors of the snapshot, the leader epochs and partition.metadata come from Kafka's own
 * classes (docs/formats.md); the segment's were worked out by hand from the layout that was run against them.
 */

import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../../src/storage/segments/producer-snapshot.js'
import {
  decodeCheckpoint,
  decodeEpochs,
  decodePartitionMetadata,
  decodeProperties,
  encodeEpochs,
  encodePartitionMetadata,
} from '../../../src/storage/segments/text-files.js'
import { batchOf, settingsWith, temporaryDirectory, whenEnded } from '../../storage/support.js'

const snapshotOfKafka =
  '000126b56c3300000001000000000000000700030000000d000000000000002c000000020000018bcfe56be7000000090000000000000021'

describe('the producer snapshot', () => {
  test('is read and written as Kafka wrote it', () => {
    const states = decodeProducerSnapshot(Buffer.from(snapshotOfKafka, 'hex'))
    assert.ok(states)
    const [state] = states.values()
    assert.deepEqual(state, {
      producerId: 7,
      epoch: 3,
      batches: [{ baseSequence: 11, lastSequence: 13, lastOffset: 44, offsetDelta: 2, timestamp: 1_700_000_000_999 }],
      lastWrittenMs: 1_700_000_000_999,
      coordinatorEpoch: 9,
      transactionFirstOffset: 33,
    })
    assert.equal(encodeProducerSnapshot(states).toString('hex'), snapshotOfKafka)
  })

  test('that is damaged at any byte, cut, or longer is none', () => {
    const whole = Buffer.from(snapshotOfKafka, 'hex')
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at] ^= 1
      assert.equal(decodeProducerSnapshot(damaged), undefined, `byte ${at}`)
      assert.equal(decodeProducerSnapshot(whole.subarray(0, at)), undefined, `${at} bytes`)
    }
    assert.equal(decodeProducerSnapshot(Buffer.concat([whole, Buffer.alloc(46)])), undefined)
  })

  test('of no producers is ten bytes', async () => {
    const { ProducerStates } = await import('../../../src/storage/producer-states.js')
    const empty = encodeProducerSnapshot(new ProducerStates())
    assert.equal(empty.length, 10)
    assert.equal(decodeProducerSnapshot(empty)?.size, 0)
  })
})

describe('the text files', () => {
  const epochs = Buffer.from('0\n2\n0 0\n3 42\n')

  test('leader epochs are read and written as Kafka wrote them', () => {
    const starts = [
      { epoch: 0, startOffset: 0 },
      { epoch: 3, startOffset: 42 },
    ]
    assert.deepEqual(decodeEpochs(epochs, 'f'), starts)
    assert.deepEqual(encodeEpochs(starts), epochs)
  })

  test('an empty checkpoint has no entries, and whatever is malformed is refused with its path', () => {
    const form = { fields: 3, numbers: 2 }
    assert.deepEqual(decodeCheckpoint(Buffer.alloc(0), 'f', form), [])
    assert.deepEqual(decodeCheckpoint(Buffer.from('0\n0\n'), 'f', form), [])
    assert.deepEqual(decodeCheckpoint(Buffer.from('0\n1\na-b 1 5\n'), 'f', form), [['a-b', '1', '5']])
    const malformed = [
      '0',
      '0\n',
      '1\n0\n',
      '0\n1\n',
      '0\n0\n\n',
      '0\n1\na 1\n',
      '0\n1\na 1 5 6\n',
      '0\n1\na 1 5',
      '0\n1\na  1 5\n',
      '0\n1\na 1 x\n',
      '0\n1\na 1 -1\n',
      '0\n1\na 1 99999999999999999\n',
      '0\n2\na 1 5\n',
    ]
    for (const text of malformed) {
      assert.throws(
        () => decodeCheckpoint(Buffer.from(text), '/the/path', form),
        (error: Error & { code?: string }) => error.code === 'DATA_DIR_DAMAGED' && error.message.includes('/the/path'),
        JSON.stringify(text),
      )
    }
  })

  test('partition.metadata has no last newline', () => {
    const id = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
    assert.equal(encodePartitionMetadata(id).toString(), 'version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw')
    assert.ok(decodePartitionMetadata(encodePartitionMetadata(id))?.equals(id))
    assert.ok(decodePartitionMetadata(Buffer.from('version: 0\ntopic_id:  AAECAwQFBgcICQoLDA0ODw\n'))?.equals(id))
    assert.equal(decodePartitionMetadata(Buffer.from('version: 0\ntopic_id: short')), undefined)
  })

  test('properties are read as Java writes them', () => {
    const text = '#\n#Fri Nov 20 10:00:00 UTC 2026\nnode.id=5\r\ncluster.id = AAEC=\n! other comment\nversion:1\n'
    assert.deepEqual(decodeProperties(Buffer.from(text)), { 'node.id': '5', 'cluster.id': 'AAEC=', version: '1' })
  })
})

describe('a data directory', () => {
  test('is, file by file, what Kafka expects', async (t) => {
    const path = join(await temporaryDirectory(t), 'data')
    const settings = settingsWith({ 'log.index.interval.bytes': 60 })
    const clock = new ManualClock(1_700_000_000_000)
    const store = await MessageStore.open(path, { settings, clock, randomness: new SeededRandomness(1) })
    whenEnded(t, () => store.close())
    const topic = await store.createTopic({ name: 'orders', partitions: 1 })
    const log = store.log('orders', 0)
    for (const batch of [
      batchOf(['a'], { timestamp: 1000 }),
      batchOf(['b', 'c'], { timestamp: 3000, producerId: 7, producerEpoch: 1, baseSequence: 5 }),
      batchOf(['d'], { timestamp: 2000 }),
    ]) {
      log?.append(batch)
    }
    await store.close()
    const bytes = (name: string) => readFile(join(path, 'log', name))
    const segment = (suffix: string) => bytes(`orders-0/00000000000000000000${suffix}`)
    // baseOffset, batchLength, leaderEpoch, magic | crc | attributes, lastOffsetDelta, timestamps, producer, sequence, count | records
    const head = (offset: string, length: string) => `00000000000000${offset}000000${length}0000000002`
    const log0 = (await segment('.log')).toString('hex')
    const crcs = [
      log0.slice(34, 42),
      log0.slice(69 * 2 + 34, 69 * 2 + 42),
      log0.slice(69 * 2 + 77 * 2 + 34, 69 * 2 + 77 * 2 + 42),
    ]
    const none = 'ffffffffffffffffffffffffffff'
    assert.equal(
      log0,
      [
        head('00', '39'),
        crcs[0],
        '000000000000',
        '00000000000003e8',
        '00000000000003e8',
        none,
        '00000001',
        '0e000000010261' + '00',
        head('01', '41'),
        crcs[1],
        '000000000001',
        '0000000000000bb8',
        '0000000000000bb9',
        '0000000000000007',
        '0001',
        '00000005',
        '00000002',
        '0e000000010262' + '00',
        '0e000202010263' + '00',
        head('03', '39'),
        crcs[2],
        '000000000000',
        '00000000000007d0',
        '00000000000007d0',
        none,
        '00000001',
        '0e000000010264' + '00',
      ].join(''),
    )
    assert.equal((await segment('.index')).toString('hex'), '0000000200000045' + '0000000300000092')
    assert.equal((await segment('.timeindex')).toString('hex'), '0000000000000bb9' + '00000002')
    const snapshot = decodeProducerSnapshot(await bytes('orders-0/00000000000000000004.snapshot'))
    assert.deepEqual(
      [...(snapshot?.values() ?? [])].map(({ producerId, epoch, batches }) => [
        producerId,
        epoch,
        batches[0].lastSequence,
        batches[0].lastOffset,
      ]),
      [[7, 1, 6, 2]],
    )
    const texts = {
      'recovery-point-offset-checkpoint': '0\n1\norders 0 4\n',
      'replication-offset-checkpoint': '0\n1\norders 0 4\n',
      '.kafka_cleanshutdown': '{"version":0,"brokerEpoch":-1}',
      'orders-0/leader-epoch-checkpoint': '0\n1\n0 0\n',
      'orders-0/partition.metadata': `version: 0\ntopic_id: ${topic.id.toString('base64url')}`,
    }
    for (const [name, text] of Object.entries(texts)) assert.equal((await bytes(name)).toString(), text, name)
    const properties = (await bytes('meta.properties')).toString()
    assert.match(
      properties,
      /^#\n#Tue, 14 Nov 2023 22:13:20 GMT\nversion=1\ncluster.id=[\w-]{22}\nnode.id=1\ndirectory.id=[\w-]{22}\n$/,
    )
    assert.deepEqual((await readdir(join(path, 'log'))).sort(), [
      '.kafka_cleanshutdown',
      '.lock',
      'log-start-offset-checkpoint',
      'meta.properties',
      'orders-0',
      'recovery-point-offset-checkpoint',
      'replication-offset-checkpoint',
    ])
    assert.deepEqual((await readdir(path)).sort(), ['config', 'holdfast.json', 'lock', 'log'])
  })

  test('a log start that Kafka wrote down is kept, and written down again', async (t) => {
    const path = join(await temporaryDirectory(t), 'data')
    const store = await MessageStore.open(path)
    await store.createTopic({ name: 'orders', partitions: 2 })
    for (let i = 0; i < 5; i++) await store.log('orders', 1)?.append(batchOf([`${i}`])).acknowledged
    await store.close()
    const file = join(path, 'log', 'log-start-offset-checkpoint')
    await writeFile(file, '0\n2\norders 1 3\ngone 0 9\n')
    const again = await MessageStore.open(path)
    assert.equal(again.log('orders', 1)?.logStartOffset, 3)
    await again.close()
    assert.equal(await readFile(file, 'utf8'), '0\n2\norders 0 0\norders 1 3\n')
  })
})
