/** kcat (librdkafka): metadata, producing with keys and headers, offsets by time, balanced groups, resuming, idempotence. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { startBroker } from '../../src/testing/index.js'
import { runProgram, withoutKcat } from '../support/tools.js'
import { until } from '../support/until.js'

const skip = withoutKcat()

interface GroupMember {
  readonly lines: string[]
  readonly child: ChildProcess
  end(signal: NodeJS.Signals): Promise<void>
}

/** A member of a balanced group that prints `partition:value` of every message. */
function member(address: string, group: string, topic: string): GroupMember {
  const settings = [
    'session.timeout.ms=2000',
    'heartbeat.interval.ms=200',
    'auto.offset.reset=earliest',
    'auto.commit.interval.ms=100',
  ]
  const args = [
    '-b',
    address,
    '-G',
    group,
    ...settings.flatMap((setting) => ['-X', setting]),
    '-u',
    '-f',
    '%p:%s\n',
    topic,
  ]
  const child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const lines: string[] = []
  let rest = ''
  child.stdout.on('data', (chunk) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  return {
    lines,
    child,
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await once(child, 'exit')
    },
  }
}

test('kcat lists, produces with keys and headers, and finds an offset by time', { skip }, async () => {
  await using broker = await startBroker({ settings: { 'num.partitions': 2 } })
  const b = ['-b', broker.address]
  const sent = await runProgram('kcat', [...b, '-P', '-t', 'k', '-p', '1', '-K', '=', '-H', 'trace=7'], {
    input: 'a=1\nb=2\n',
  })
  assert.equal(sent.code, 0, sent.stderr)
  const read = await runProgram('kcat', [...b, '-C', '-t', 'k', '-p', '1', '-e', '-q', '-f', '%o %k %s %h\n'])
  assert.equal(read.stdout.toString(), '0 a 1 trace=7\n1 b 2 trace=7\n')
  const listed = await runProgram('kcat', [...b, '-L', '-J'])
  const { brokers, topics } = JSON.parse(listed.stdout.toString()) as {
    brokers: { name: string }[]
    topics: { topic: string; partitions: unknown[] }[]
  }
  assert.deepEqual(
    brokers.map(({ name }) => name),
    [broker.address],
  )
  assert.deepEqual(
    topics.map(({ topic, partitions }) => [topic, partitions.length]),
    [['k', 2]],
  )
  const byTime = await runProgram('kcat', [...b, '-Q', '-t', 'k:1:1'])
  assert.match(byTime.stdout.toString(), /k \[1\] offset 0/)
})

test('a balanced group of two: one dies without a word, the other takes over, nothing is missed', {
  skip,
  timeout: 90_000,
}, async () => {
  await using broker = await startBroker({ settings: { 'group.min.session.timeout.ms': 500 } })
  await broker.service.createTopic({ name: 'work', partitions: 4 })
  const one = member(broker.address, 'g', 'work')
  const two = member(broker.address, 'g', 'work')
  try {
    await until('a stable group of two', async () => {
      const group = await broker.service.describeGroup('g')
      return group.state === 'Stable' && group.members.length === 2
    })
    const send = async (tag: string) => {
      for (const partition of [0, 1, 2, 3]) {
        const { code, stderr } = await runProgram(
          'kcat',
          ['-b', broker.address, '-P', '-t', 'work', '-p', String(partition), '-X', 'enable.idempotence=true'],
          { input: `${tag}\n` },
        )
        assert.equal(code, 0, stderr)
      }
    }
    await send('shared')
    await until('four messages, shared', () => one.lines.length + two.lines.length === 4)
    assert.ok(one.lines.length > 0 && two.lines.length > 0)
    await two.end('SIGKILL')
    await send('alone')
    await until('all partitions at the member that is left', () =>
      [0, 1, 2, 3].every((partition) => one.lines.includes(`${partition}:alone`)),
    )
  } finally {
    await one.end('SIGTERM')
    await two.end('SIGKILL')
  }
})

test('a group resumes from its committed offsets after a restart of the broker', {
  skip,
  timeout: 60_000,
}, async () => {
  const directory = await makeTemporaryDirectory('holdfast-kcat-')
  try {
    for (const [round, expected] of [
      ['first', ['0:first']],
      ['second', ['0:second']],
    ] as const) {
      await using broker = await startBroker({ dataDir: directory.path })
      await runProgram('kcat', ['-b', broker.address, '-P', '-t', 't', '-p', '0'], { input: `${round}\n` })
      const reader = member(broker.address, 'resume', 't')
      try {
        await until('the message of this round', () => reader.lines.length > 0)
      } finally {
        // It commits what it has printed when it leaves.
        await reader.end('SIGTERM')
      }
      const [committed] = await broker.service.fetchOffsets('resume', [{ topic: 't', partition: 0 }])
      assert.equal(committed?.offset, round === 'first' ? 1 : 2)
      assert.deepEqual(reader.lines, expected)
    }
  } finally {
    await directory.remove()
  }
})

test('kcat: every codec into a topic that keeps another', { skip }, async () => {
  await using broker = await startBroker()
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
  const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const configEntries = (value: string) => [{ name: 'compression.type', value }]
  await admin.createTopics({
    topics: ['uncompressed', ...codecs.slice(1)].map((type) => ({ topic: type, configEntries: configEntries(type) })),
  })
  await admin.disconnect()
  const lines = Array.from({ length: 200 }, (_, i) => `${i} some text that is worth it`)
  for (const kept of ['uncompressed', ...codecs.slice(1)]) {
    for (const sent of codecs) {
      const args = ['-b', broker.address, '-P', '-t', kept, '-p', '0', '-z', sent]
      const { code, stderr } = await runProgram('kcat', args, { input: `${lines.join('\n')}\n` })
      assert.equal(code, 0, stderr)
    }
    const read = await runProgram('kcat', ['-b', broker.address, '-C', '-t', kept, '-p', '0', '-e', '-q', '-f', '%s\n'])
    assert.deepEqual(
      read.stdout.toString().trimEnd().split('\n'),
      codecs.flatMap(() => lines),
    )
  }
})
