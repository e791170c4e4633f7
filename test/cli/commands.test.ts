/** The commands as a user types them, on a folder that nobody serves and on a served broker. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { holdfast, type ServedBroker, serve } from '../support/served-broker.js'
import { type Finished, runProgram } from '../support/tools.js'

const run = (args: readonly string[], input?: string | Buffer): Promise<Finished> =>
  runProgram(process.execPath, [holdfast, ...args], { input })

/** Runs a command that must succeed; its stdout. */
async function ok(args: readonly string[], input?: string | Buffer): Promise<string> {
  const { code, stdout, stderr } = await run(args, input)
  assert.equal(code, 0, stderr)
  return stdout.toString()
}

for (const where of ['--data', '--broker'] as const) {
  describe(`commands with ${where}`, () => {
    let directory: TemporaryDirectory
    let broker: ServedBroker | undefined
    let target: string[]

    before(async () => {
      directory = await makeTemporaryDirectory('holdfast-cli-')
      if (where === '--broker') broker = await serve(directory.path)
      target = [where, broker?.address ?? directory.path]
    })

    after(async () => {
      await broker?.end('SIGTERM')
      await directory.remove()
    })

    test('topics are created, listed, described and deleted', async () => {
      assert.match(
        await ok(['topics', 'create', 'a', '--partitions', '2', '--config', 'segment.bytes=2097152', ...target]),
        /Created topic a with 2 partitions/,
      )
      assert.deepEqual(JSON.parse(await ok(['topics', 'list', '--json', ...target])), [
        { name: 'a', partitions: 2, messages: 0 },
      ])
      assert.match(await ok(['topics', 'list', ...target]), /^TOPIC\s+PARTITIONS\s+MESSAGES\na\s+2\s+0\n$/)
      const described = JSON.parse(await ok(['topics', 'describe', 'a', '--json', ...target]))
      assert.equal(described.partitions.length, 2)
      assert.equal(described.config.find((entry: { name: string }) => entry.name === 'segment.bytes').value, '2097152')
      assert.match(await ok(['topics', 'describe', 'a', ...target]), /segment\.bytes\s+2097152\s+topic/)
      assert.match(await ok(['topics', 'describe', 'a', ...target]), /Compression: nothing is stored\./)
      const numbers = Array.from({ length: 500 }, (_, i) => `{"number":${i}}\n`).join('')
      await ok(['produce', 'a', '--partition', '0', ...target], numbers)
      const { space } = JSON.parse(await ok(['topics', 'describe', 'a', '--json', ...target]))
      assert.ok(space.ratio > 2 && space.sampled.lz4 >= 1, JSON.stringify(space))
      const known = where === '--data' ? /\d+ bytes stored in \d+, \d/ : /Compression: \d/
      assert.match(await ok(['topics', 'describe', 'a', ...target]), known)
      const altered = ['topics', 'alter', 'a', '--config', 'max.message.bytes=5000', '--delete-config', 'segment.bytes']
      assert.equal(await ok([...altered, ...target]), 'Altered topic a: max.message.bytes=5000.\n')
      const back = await ok(['topics', 'alter', 'a', '--delete-config', 'max.message.bytes', '--json', ...target])
      assert.deepEqual(JSON.parse(back), { name: 'a', config: {} })
      const refused = await run(['topics', 'alter', 'a', '--config', 'max.message.bytes=-5', ...target])
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /max\.message\.bytes = -5.*INVALID_CONFIG/)
      assert.match((await run(['topics', 'alter', 'a', ...target])).stderr, /nothing to alter/)
      const again = await run(['topics', 'create', 'a', ...target])
      assert.equal(again.code, 1)
      assert.match(again.stderr, /already a topic a.*TOPIC_ALREADY_EXISTS/)
      await ok(['topics', 'delete', 'a', ...target])
      assert.deepEqual(JSON.parse(await ok(['topics', 'list', '--json', ...target])), [])
    })

    test('lines go in and come out byte for byte', async () => {
      const lines = Buffer.concat([
        Buffer.from('first\n\nzwölf €\n'),
        Buffer.from([0xff, 0xfe, 0x0a]),
        Buffer.from('last\n'),
      ])
      await ok(['produce', 'lines', ...target], lines)
      const { stdout } = await run(['consume', 'lines', '--no-follow', ...target])
      assert.deepEqual(stdout, lines)
      assert.equal(await ok(['consume', 'lines', '--no-follow', '--from', '4', ...target]), 'last\n')
      assert.equal(await ok(['consume', 'lines', '--limit', '1', ...target]), 'first\n')
    })

    test('keys, headers and receipts', async () => {
      const receipts = await ok(
        ['produce', 'keyed', '--key-separator', ':', '--header', 'h=1', '--header', 'h=2', '--json', ...target],
        'a:1\nb:2\n',
      )
      assert.deepEqual(
        receipts
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).offset),
        [0, 1],
      )
      const messages = (await ok(['consume', 'keyed', '--no-follow', '--json', ...target]))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      assert.deepEqual(
        messages.map(({ key, value, headers }) => [key, value, headers]),
        [
          [
            'a',
            '1',
            [
              ['h', '1'],
              ['h', '2'],
            ],
          ],
          [
            'b',
            '2',
            [
              ['h', '1'],
              ['h', '2'],
            ],
          ],
        ],
      )
    })

    test('tags and keys, and consuming by tags', async () => {
      await ok(['produce', 'tagged', '--tags', 'a', '--keys', 'k1 k2', ...target], '1\n')
      await ok(['produce', 'tagged', '--tags', 'b', ...target], '2\n')
      await ok(['produce', 'tagged', '--tags', 'c', ...target], '3\n')
      const [first] = (await ok(['consume', 'tagged', '--no-follow', '--json', ...target])).split('\n')
      assert.deepEqual(JSON.parse(first).headers, [
        ['TAGS', 'a'],
        ['KEYS', 'k1 k2'],
      ])
      assert.equal(await ok(['consume', 'tagged', '--no-follow', '--tags', 'a || c', ...target]), '1\n3\n')
      const grouped = ['consume', 'tagged', '--group', 'tags', '--limit', '1', '--tags', 'b']
      assert.equal(await ok([...grouped, ...target]), '2\n')
      await ok(['groups', 'delete', 'tags', ...target])
      const refused = await run(['consume', 'tagged', '--no-follow', '--tags', 'a && b', ...target])
      assert.equal(refused.code, 2)
      assert.match(refused.stderr, /joined by '\|\|'.*INVALID_ARGUMENT/)
    })

    test('a group remembers how far it got', async () => {
      await ok(['produce', 'work', ...target], '1\n2\n3\n')
      assert.equal(await ok(['consume', 'work', '--group', 'g', '--limit', '2', ...target]), '1\n2\n')
      assert.equal(await ok(['consume', 'work', '--group', 'g', '--limit', '1', ...target]), '3\n')
      assert.deepEqual(
        JSON.parse(await ok(['groups', 'list', '--json', ...target])).map(
          (group: { groupId: string }) => group.groupId,
        ),
        ['g'],
      )
      const described = JSON.parse(await ok(['groups', 'describe', 'g', '--json', ...target]))
      assert.deepEqual(
        described.offsets.map(({ topic, committed, end, lag }: Record<string, unknown>) => ({
          topic,
          committed,
          end,
          lag,
        })),
        [{ topic: 'work', committed: 3, end: 3, lag: 0 }],
      )
      await ok(['groups', 'delete', 'g', ...target])
      assert.deepEqual(JSON.parse(await ok(['groups', 'list', '--json', ...target])), [])
    })

    test('a topic that does not exist is named in the error', async () => {
      const { code, stderr } = await run(['topics', 'describe', 'nothing', ...target])
      assert.equal(code, 1)
      assert.match(stderr, /no topic nothing.*UNKNOWN_TOPIC_OR_PARTITION/)
    })
  })
}

test('wrong usage is refused with a hint, and nothing is made', async () => {
  for (const args of [
    ['serve', '--listen', 'nonsense'],
    ['serve', '--set', 'nonsense'],
    ['topics', 'create', 'a', '--partitions', '0'],
    ['topics', 'nonsense'],
    ['nonsense'],
    ['consume', 'a', '--from', 'yesterday'],
    ['topics', 'list', '--data', '/tmp/x', '--broker', '127.0.0.1:1'],
    ['topics', 'list', '--data', ''],
    ['consume', 'a', '--group', 'g', '--no-follow'],
    ['consume', 'a', '--group', 'g', '--partition', '1'],
  ]) {
    const { code, stderr } = await run(args)
    assert.equal(code, 2, args.join(' '))
    assert.notEqual(stderr, '')
  }
})

test('a message is found by key and by id in a folder, by time also over the wire', async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-cli-')
  t.after(() => directory.remove())
  const data = ['--data', directory.path]
  await ok(['topics', 'create', 'orders', '--config', 'key.index.enable=true', ...data])
  await ok(['produce', 'orders', '--key-separator', ':', ...data], 'o-1:two apples\no-2:a pear\no-1:three apples\n')
  await ok(['produce', 'orders', '--header', 'message-id=m1', ...data], 'a plum\n')
  const lines = (await ok(['find', 'orders', '--key', 'o-1', '--json', ...data])).trim().split('\n')
  const found = lines.map((line) => JSON.parse(line))
  assert.deepEqual(
    found.map(({ offset, value }) => [offset, value]),
    [
      [2, 'three apples'],
      [0, 'two apples'],
    ],
  )
  assert.match(
    await ok(['find', 'orders', '--id', 'm1', ...data]),
    /^PARTITION.*\n +0 +3 .* a plum {2}\[message-id=m1\]\n$/,
  )
  assert.match(await ok(['find', 'orders', '--key', 'o-1', '--to', '2', '--limit', '1', ...data]), /two apples\n$/)
  const { keyIndex } = JSON.parse(await ok(['topics', 'describe', 'orders', '--json', ...data])).partitions[0]
  assert.deepEqual([keyIndex.entries, keyIndex.indexedTo], [4, 4])
  const time = new Date(found[1].timestamp).toISOString()
  assert.match(await ok(['at', 'orders', time, ...data]), /two apples\n$/)
  for (const args of [
    ['find', 'orders'],
    ['find', 'orders', '--key', 'a', '--from', 'x'],
    ['at', 'orders', 'noon'],
  ]) {
    assert.equal((await run([...args, ...data])).code, 2, args.join(' '))
  }
  const broker = await serve(directory.path)
  try {
    const served = ['--broker', broker.address]
    assert.match(await ok(['at', 'orders', String(found[0].timestamp), '--json', ...served]), /"topic":"orders"/)
    const refused = await run(['find', 'orders', '--key', 'o-1', ...served])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /UNSUPPORTED_OVER_WIRE/)
  } finally {
    await broker.end('SIGTERM')
  }
})

test("a message of the commit log is got by RocketMQ's id of it", async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-cli-')
  t.after(() => directory.remove())
  const data = ['--data', directory.path]
  await ok(['topics', 'create', 'orders', '--config', 'storage.layout=commitlog', ...data])
  await ok(['produce', 'orders', '--tags', 'paid', '--keys', 'o-1', ...data], 'two apples\n')
  // The first message of a commit log, of RocketMQ's port on this machine.
  const id = `7F00000100002A9F${'0'.repeat(16)}`
  assert.match(await ok(['get', id, ...data]), /^PARTITION.*\n +0 +0 .* two apples {2}\[TAGS=paid, KEYS=o-1\]\n$/)
  const { topic, headers } = JSON.parse(await ok(['get', id, '--json', ...data]))
  assert.deepEqual(
    [topic, headers],
    [
      'orders',
      [
        ['TAGS', 'paid'],
        ['KEYS', 'o-1'],
      ],
    ],
  )
  assert.match(await ok(['find', 'orders', '--key', 'o-1', ...data]), /two apples {2}\[TAGS/)
  assert.match((await run(['get', 'nonsense', ...data])).stderr, /INVALID_ARGUMENT/)
})

test('a setting that is unknown or out of range is refused with its name and range', async () => {
  const directory = await makeTemporaryDirectory('holdfast-cli-')
  try {
    const unknown = await run(['serve', '--data', directory.path, '--set', 'no.such.setting=1'])
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /no\.such\.setting/)
    const beyond = await run(['serve', '--data', directory.path, '--set', 'message.max.bytes=1'])
    assert.equal(beyond.code, 2)
    assert.match(beyond.stderr, /message\.max\.bytes = 1 .*64 to/)
  } finally {
    await directory.remove()
  }
})

test('nobody listens there', async () => {
  const { code, stderr } = await run(['topics', 'list', '--broker', '127.0.0.1:1'])
  assert.equal(code, 1)
  assert.match(stderr, /127\.0\.0\.1:1.*CONNECTION_FAILED/)
})
