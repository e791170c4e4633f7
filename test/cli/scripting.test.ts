/** What people and scripts rely on: exit codes, errors that say what to do, forms of output, changes shown before they are made. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { holdfast, type ServedBroker, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

const run = (args: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}) =>
  runProgram(process.execPath, [holdfast, ...args], { input, env: { ...process.env, ...env } })

async function ok(args: readonly string[], input?: string, env?: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await run(args, input, env)
  assert.equal(code, 0, stderr)
  return stdout.toString()
}

describe('on a served broker', () => {
  let directory: TemporaryDirectory
  let broker: ServedBroker
  let target: string[]

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-cli-')
    broker = await serve(directory.path)
    target = ['--broker', broker.address]
    await ok(['topics', 'create', 'orders', '--partitions', '2', ...target])
    await ok(['topics', 'create', 'audit', ...target])
  })

  after(async () => {
    await broker.end('SIGTERM')
    await directory.remove()
  })

  test('a list in every form', async () => {
    const list = (...args: string[]) => ok(['topics', 'list', ...args, ...target])
    assert.equal(await list('--format', 'csv'), 'topic,partitions,messages\naudit,1,0\norders,2,0\n')
    assert.equal(await list('--format', 'tsv'), 'topic\tpartitions\tmessages\naudit\t1\t0\norders\t2\t0\n')
    assert.equal(await list('--format', 'plain'), 'audit\t1\t0\norders\t2\t0\n')
    assert.deepEqual(JSON.parse(await list('--format', 'json')), JSON.parse(await list('--json')))
    assert.equal((await list('--format', 'jsonl')).split('\n').filter(Boolean).length, 2)
    assert.equal(await list('--template', '{name}={partitions}'), 'audit=1\norders=2\n')
    const table = await ok(['topics', 'list', ...target], undefined, { COLUMNS: '30', FORCE_COLOR: '1' })
    assert.ok(table.startsWith('\x1b[1mTOPIC   PARTITIONS  MESSAGES\x1b[22m\n'), table)
  })

  test('messages with headers go in and out, and a copy is a copy', async () => {
    await ok(['produce', 'orders', '-p', '0', '--key', 'k', '-H', 'trace=7', '-H', 'lang=de', '-m', 'eins', ...target])
    await ok(['produce', 'orders', '-p', '1', '--input', 'jsonl', ...target], '{"key":null,"value":{"n":2}}\n')
    const consume = (topic: string, ...args: string[]) => ok(['consume', topic, '--no-follow', ...args, ...target])
    assert.equal(await consume('orders', '-p', '0', '--headers'), '[trace=7, lang=de] eins\n')
    assert.equal(await consume('orders', '-p', '1', '--template', '{key}|{value}'), '|{"n":2}\n')
    assert.match(
      await consume('orders', '-p', '0', '--format', 'csv'),
      /^partition,.*\n0,0,.*,k,eins,"trace=7, lang=de"\n$/,
    )
    await ok(['produce', 'audit', '--input', 'jsonl', ...target], await consume('orders', '-p', '0', '--json'))
    const [copied] = (await consume('audit', '--json')).split('\n')
    const { key, value, headers } = JSON.parse(copied)
    assert.deepEqual(
      { key, value, headers },
      {
        key: 'k',
        value: 'eins',
        headers: [
          ['trace', '7'],
          ['lang', 'de'],
        ],
      },
    )
    for (const wrong of ['hello', '[1]', '{"headers":["a"]}']) {
      assert.equal((await run(['produce', 'audit', '--input', 'jsonl', ...target], `${wrong}\n`)).code, 2, wrong)
    }
  })

  test('a group goes on elsewhere, after it was shown where', async () => {
    await ok(['produce', 'work', ...target], '1\n2\n3\n')
    await ok(['consume', 'work', '--group', 'g', '--limit', '3', ...target])
    const reset = (...args: string[]) => ok(['groups', 'reset', 'g', '--topic', 'work', ...args, '--json', ...target])
    const moved = [{ topic: 'work', partition: 0, from: 3, to: 1 }]
    assert.deepEqual(JSON.parse(await reset('--to', '1', '--dry-run')), moved)
    assert.deepEqual(JSON.parse(await reset('--to', 'earliest', '--dry-run')), [{ ...moved[0], to: 0 }])
    assert.deepEqual(JSON.parse(await reset('--to', '1')), moved)
    assert.equal(await ok(['consume', 'work', '--group', 'g', '--limit', '1', ...target]), '2\n')
    assert.equal((await run(['groups', 'reset', 'g', '--topic', 'work', '--to', 'noon', ...target])).code, 2)
    const unknown = await run(['groups', 'reset', 'g', '--topic', 'nothing', '--to', '1', ...target])
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /topics list/)
  })

  test('topics grow and go, after it was checked', async () => {
    await ok(['topics', 'create', 'small', ...target])
    await ok(['topics', 'partitions', 'small', '4', '--dry-run', ...target])
    assert.match(await ok(['topics', 'list', '--format', 'csv', ...target]), /\nsmall,1,0\n/)
    assert.equal(await ok(['topics', 'partitions', 'small', '4', ...target]), 'Topic small has 4 partitions.\n')
    assert.equal((await run(['topics', 'partitions', 'small', '2', ...target])).code, 1)
    assert.equal((await run(['topics', 'partitions', 'small', 'two', ...target])).code, 2)
    assert.match(
      await ok(['topics', 'delete', 'small', '--dry-run', ...target]),
      /Would delete topic small: 0 messages/,
    )
    assert.deepEqual(JSON.parse(await ok(['topics', 'delete', 'small', '--json', ...target])), {
      name: 'small',
      deleted: true,
    })
  })

  test('settings of the broker and of a topic change while it serves, and are there after a start', async () => {
    const set = (...args: string[]) => run(['config', 'set', ...args, ...target])
    assert.equal(
      (await set('num.partitions=3', '--dry-run')).stdout.toString(),
      'It can be changed so; nothing was changed.\n',
    )
    assert.equal((await set('num.partitions=3')).stdout.toString(), 'num.partitions=3 (altered)\n')
    assert.match(await ok(['topics', 'create', 'three', ...target]), /3 partitions/)
    const refused = await set('file.engine=mmap')
    assert.equal(refused.code, 1, 'the broker refuses it')
    assert.match(refused.stderr, /file\.engine is read when the store opens/)
    assert.equal((await set('num.partitions')).code, 2)
    assert.equal((await set('-t', 'three', 'retention.ms=5000')).stdout.toString(), 'retention.ms=5000 (topic)\n')
    const get = (...args: string[]) => ok(['config', 'get', '--format', 'csv', ...args, ...target])
    assert.equal(await get('num.partitions'), 'name,value,from,changes\nnum.partitions,3,altered,at once\n')
    assert.equal(await get('-t', 'three', 'retention.ms'), 'name,value,from,changes\nretention.ms,5000,topic,at once\n')
    assert.equal((await run(['config', 'get', 'nonsense', ...target])).code, 2)
    await broker.end('SIGTERM')
    const shown = await ok(['settings', '--data', directory.path, '--template', '{name}={value} {from}'])
    assert.match(shown, /\nnum\.partitions=3 altered\n/)
    broker = await serve(directory.path)
    target = ['--broker', broker.address]
    assert.match(await get('num.partitions'), /num\.partitions,3,altered/)
    await ok(['config', 'unset', 'num.partitions', ...target])
    assert.match(await get('num.partitions'), /num\.partitions,1,default/)
  })

  test('a followed list is shown again until it is ended', async () => {
    const followed = ['topics', 'list', '--follow', '--every', '100', '--format', 'plain', ...target]
    const wanted = 'orders\t2\t'
    const { code, stdout } = await runProgram('sh', [
      '-c',
      // The reader has enough after two looks; the command ends then, and not with an error.
      `${process.execPath} ${holdfast} ${followed.join(' ')} | grep -m 2 '^orders'`,
    ])
    assert.equal(code, 0)
    assert.equal(
      stdout
        .toString()
        .split('\n')
        .filter((line) => line.startsWith(wanted)).length,
      2,
    )
  })
})

test('what was probably meant is said, and that there is help', async () => {
  for (const [args, said] of [
    [['topcs', 'list'], /unknown command 'topcs'[\s\S]*Did you mean topics\?[\s\S]*--help/],
    [['topics', 'lst'], /Did you mean list\?/],
    [['topics', 'list', '--jsn'], /Did you mean --json\?/],
    [['topics', 'list', '--format', 'xml'], /Allowed choices are table, json, jsonl, csv, tsv, plain/],
    [['topics', 'list', '--json', '--format', 'csv'], /one of --format, --json and --template/],
    [['topics', 'list', '--template', '{name'], /A field is \{name\}/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['groups', 'reset', 'g'], /required option.*--topic/],
  ] as const) {
    const { code, stdout, stderr } = await run(args)
    assert.equal(code, 2, args.join(' '))
    assert.equal(stdout.toString(), '')
    assert.match(stderr, said)
    assert.ok(!stderr.includes('\x1b'), 'no colour without a terminal')
  }
  const nobody = await run(['topics', 'list', '--broker', '127.0.0.1:1'])
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, /CONNECTION_FAILED\)\n {2}Start a broker with "holdfast serve"/)
  assert.equal((await run(['--help'])).code, 0)
  assert.equal((await run(['help', 'topics'])).code, 0)
})

test('serve --print-config tells what would hold and from where, and serves nothing', async () => {
  const env = { HOLDFAST_MAX_CONNECTIONS: '7' }
  const args = ['serve', '--data', '/nowhere', '--set', 'num.partitions=2', '--print-config', '--json']
  const rows: { name: string; value: string; from: string }[] = JSON.parse(await ok(args, undefined, env))
  const shown = new Map(rows.map(({ name, value, from }) => [name, [value, from]]))
  assert.deepEqual(shown.get('num.partitions'), ['2', 'flag --set'])
  assert.deepEqual(shown.get('max.connections'), ['7', 'environment HOLDFAST_MAX_CONNECTIONS'])
  assert.deepEqual(shown.get('file.engine'), ['disk', 'default'])
})

test('settings --print-file gives a file that can be used as it is', async () => {
  const directory = await makeTemporaryDirectory('holdfast-cli-')
  try {
    const file = `${directory.path}/holdfast.properties`
    const { writeFileSync } = await import('node:fs')
    writeFileSync(file, await ok(['settings', '--print-file', '--profile', 'fast', '--set', 'num.partitions=5']))
    const held = await ok(['settings', '--config', file, '--template', '{name}={value}'])
    assert.match(held, /^profile=fast\n/)
    assert.match(held, /\nnum\.partitions=5\n/)
    assert.match(held, /\nflush\.disk\.type=ASYNC_FLUSH\n/)
  } finally {
    await directory.remove()
  }
})
