/** `holdfast settings`, and settings from a file, the environment and flags as `serve` and the other commands take them. */

import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeSettings } from '../../src/core/settings.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runProgram(process.execPath, [holdfast, ...args], { env: { ...process.env, ...env } })

async function ok(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string> {
  const { code, stdout, stderr } = await run(args, env)
  assert.equal(code, 0, stderr)
  return stdout.toString()
}

async function refused(args: readonly string[], message: RegExp, env?: Readonly<Record<string, string>>) {
  const { code, stdout, stderr } = await run(args, env)
  assert.equal(code, stderr.includes('(INVALID_') ? 2 : 1, args.join(' '))
  assert.equal(stdout.toString(), '')
  assert.match(stderr, message)
}

async function inDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const directory = await makeTemporaryDirectory('holdfast-settings-')
  try {
    await work(directory.path)
  } finally {
    await directory.remove()
  }
}

interface Row {
  readonly name: string
  readonly value?: string
  readonly from?: string
}

const rowsOf = (json: string) => new Map((JSON.parse(json) as Row[]).map((row) => [row.name, row]))

test('the plain list is the table, whatever state the sources are in', async () => {
  const broken = { HOLDFAST_NUM_PARTITIONS: 'many' }
  assert.deepEqual(JSON.parse(await ok(['settings', '--json'], broken)), JSON.parse(JSON.stringify(describeSettings())))
  const table = await ok(['settings'], broken)
  assert.match(table, /^SETTING +TOPIC NAME +DEFAULT +RANGE +UNIT +CHANGES +MEANING\n/)
  assert.match(table, /\nflush\.interval\.ms +flush\.interval\.ms +100 +1 to 3600000 +ms +at a start +Longest/)
})

test('with one of the options it shows what is in force, and where it comes from', () =>
  inDirectory(async (path) => {
    const file = join(path, 'a.properties')
    writeFileSync(file, '# ours\nnum.partitions = 4\nmax.connections = 5\nfetch.max.bytes = 6000\n')
    const env = { HOLDFAST_MAX_CONNECTIONS: '7', HOLDFAST_FETCH_MAX_BYTES: '8000' }
    const args = ['--data', path, '--config', file, '--profile', 'hybrid', '--set', 'fetch.max.bytes=9000']
    const rows = rowsOf(await ok(['settings', '--json', ...args], env))
    const shown = (name: string) => [rows.get(name)?.value, rows.get(name)?.from]
    assert.deepEqual(shown('num.partitions'), ['4', `file ${file}:2`])
    assert.deepEqual(shown('max.connections'), ['7', 'environment HOLDFAST_MAX_CONNECTIONS'])
    assert.deepEqual(shown('fetch.max.bytes'), ['9000', 'flag --set'])
    assert.deepEqual(shown('profile'), ['hybrid', 'flag --profile'])
    assert.deepEqual(shown('flush.interval.ms'), ['10', 'profile hybrid'])
    assert.deepEqual(shown('file.engine'), ['disk', 'default'])
    assert.deepEqual(shown('store.path.commitlog'), [join(path, 'log'), 'default'])
    const table = await ok(['settings', ...args], env)
    assert.match(table, /^SETTING +VALUE +FROM +TOPIC NAME/)
    assert.match(table, /\nfetch\.max\.bytes +9000 +flag --set /)
    // It only looks.
    assert.equal(existsSync(join(path, 'log')), false)
  }))

test('serve takes its settings from a file, the environment and flags, and tells them to its clients', () =>
  inDirectory(async (path) => {
    const file = join(path, 'a.json')
    writeFileSync(file, '{ "profile": "fast", "num.partitions": 3, "store.path.commitlog": "elsewhere" }')
    const wrapper = ['env', `HOLDFAST_CONFIG=${file}`, 'HOLDFAST_MESSAGE_MAX_BYTES=5000']
    const broker = await serve(join(path, 'data'), { wrapper, settings: { 'flush.interval.ms': 20 } })
    try {
      const service = await RemoteBroker.connect(broker.address)
      const [topic] = await service.describeTopics(['t'], { create: true })
      assert.equal(topic.partitions.length, 3)
      const config = new Map((await service.describeConfig(null)).map((entry) => [entry.name, entry]))
      const shown = (name: string) => [config.get(name)?.value, config.get(name)?.origin]
      assert.deepEqual(shown('flush.disk.type'), ['ASYNC_FLUSH', 'broker'])
      assert.deepEqual(shown('flush.interval.ms'), ['20', 'broker'])
      assert.deepEqual(shown('message.max.bytes'), ['5000', 'broker'])
      assert.deepEqual(shown('max.connections'), ['10000', 'default'])
      await service.close()
      assert.ok(existsSync(join(path, 'data/elsewhere/t-2')))
    } finally {
      await broker.end('SIGTERM')
    }
  }))

test('commands on a data directory take the same settings; those on a served broker take none', () =>
  inDirectory(async (path) => {
    const file = join(path, 'a.properties')
    writeFileSync(file, 'store.path.commitlog=elsewhere\nnum.partitions=2')
    const data = ['--data', join(path, 'data')]
    await ok(['topics', 'create', 'a', '--config', 'segment.bytes=2097152', '--config-file', file, ...data])
    assert.ok(existsSync(join(path, 'data/elsewhere/a-1')))
    const described = await ok(['topics', 'list', '--json', ...data], { HOLDFAST_CONFIG: file })
    assert.deepEqual(JSON.parse(described), [{ name: 'a', partitions: 2, messages: 0 }])
    await refused(['topics', 'list', ...data], /lists topics.*DATA_DIR_DAMAGED/)
    for (const option of [
      ['--config', file],
      ['--profile', 'fast'],
      ['--set', 'num.partitions=1'],
    ]) {
      await refused(['topics', 'list', ...option], /are for --data.*INVALID_ARGUMENT/)
    }
  }))

test('what is wrong in a source is refused with its place, and nothing is made', () =>
  inDirectory(async (path) => {
    const data = ['--data', join(path, 'data')]
    const file = join(path, 'a.properties')
    writeFileSync(file, '\nnum.partitons=1\n')
    const json = join(path, 'a.json')
    writeFileSync(json, '{\n"num.partitions": }')
    for (const command of [['serve', '--listen', '127.0.0.1:0'], ['topics', 'list'], ['settings']]) {
      const args = [...command, ...data]
      await refused([...args, '--config', file], /num\.partitons \(file .*a\.properties:2\).*mean num\.partitions\?/)
      await refused([...args, '--config', json], /a\.json:2 cannot be read/)
      await refused([...args, '--config', join(path, 'none.json')], /none\.json" is not there.*INVALID_SETTING/)
      await refused(args, /HOLDFAST_NUM_PARTITON.*mean HOLDFAST_NUM_PARTITIONS\?/, { HOLDFAST_NUM_PARTITON: '1' })
      await refused([...args, '--profile', 'quick'], /profile = quick \(flag --profile\)/)
      await refused([...args, '--profile', 'fast', '--set', 'profile=hybrid'], /--profile says fast.*INVALID_ARGUMENT/)
      const clash = ['--profile', 'hybrid', '--set', 'flush.commitlog.timeout=10']
      await refused(
        [...args, ...clash],
        /flush\.interval\.ms = 10 \(profile hybrid\) and flush\.commitlog\.timeout = 10/,
      )
    }
    assert.equal(existsSync(join(path, 'data')), false)
  }))

test('serve --help says where settings come from', async () => {
  const help = await ok(['serve', '--help'])
  assert.match(help, /--config <file>[\s\S]*--profile <name>[\s\S]*--set <name=value>/)
  assert.match(help, /HOLDFAST_CONFIG[\s\S]*HOLDFAST_FLUSH_DISK_TYPE/)
})
