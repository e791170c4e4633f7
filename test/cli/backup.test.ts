/** `holdfast backup` and `holdfast restore`, on a folder that is served and on one that nobody serves. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { open } from '../../src/index.js'
import { temporaryDirectory, whenEnded } from '../storage/support.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

const run = (...args: string[]) => runProgram(process.execPath, [holdfast, ...args])

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  assert.equal(code, 0, stderr)
  return stdout.toString()
}

/** What the control socket answers to a line. */
function ask(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(path, () => socket.write(line))
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}

test('a served folder is backed up while messages come in, again for what is new, and restored', async (t) => {
  const directory = await temporaryDirectory(t)
  const [data, backups, restored] = ['data', 'backups', 'restored'].map((name) => join(directory, name))
  const broker = await serve(data, { settings: { 'log.segment.bytes': 1_048_576 } })
  whenEnded(t, () => broker.end('SIGKILL'))
  const lines = Array.from({ length: 60_000 }, (_, index) => `line ${index} ${'x'.repeat(40)}`).join('\n')
  const produce = () =>
    runProgram(process.execPath, [holdfast, 'produce', 'words', '--broker', broker.address], { input: lines })
  assert.equal((await produce()).code, 0)
  const going = produce()
  const first = JSON.parse(await ok('backup', backups, '--data', data, '--json'))
  assert.equal((await going).code, 0)
  const second = JSON.parse(await ok('backup', backups, '--data', data, '--json', '--keep', '1'))
  assert.ok(second.copiedBytes < second.sizeInBytes, JSON.stringify(second))
  assert.deepEqual([second.removed.length, existsSync(first.path)], [1, false])
  assert.match(await ok('restore', backups, '--data', restored), /Restored 1 logs, \d+ bytes, to .* Verified\./)
  await using mq = await open(restored)
  const [{ partitions }] = [await mq.topics.describe('words')]
  assert.equal(partitions[0].highWatermark, 120_000)
  const [last] = await mq.read('words', { offset: 119_999, limit: 1 })
  assert.equal(last.text(), `line 59999 ${'x'.repeat(40)}`)
})

test('a folder that nobody serves is backed up too; what is none, and a path that is taken, are refused', async (t) => {
  const directory = await temporaryDirectory(t)
  const [data, backups] = ['data', 'backups'].map((name) => join(directory, name))
  await ok('topics', 'create', 'orders', '--data', data)
  assert.match(await ok('backup', backups, '--data', data), /Backed up 1 logs to .* Verified\./)
  for (const [args, why] of [
    [['backup', backups, '--data', join(directory, 'nowhere')], /is no data directory.*INVALID_ARGUMENT/],
    [['backup', join(data, 'log'), '--data', data], /lies in .*INVALID_ARGUMENT/],
    [['backup', backups], /required option.*--data/],
    [['restore', data, '--data', join(directory, 'new')], /no backup in .*INVALID_ARGUMENT/],
    [['restore', backups, '--data', data], /is not empty.*INVALID_ARGUMENT/],
  ] as const) {
    const { code, stderr } = await run(...args)
    assert.equal(code, 2)
    assert.match(stderr, why)
  }
  assert.equal(existsSync(join(directory, 'nowhere')), false)
})

test('the control socket refuses what it does not understand, and one that a killed process left is taken over', async (t) => {
  const directory = await temporaryDirectory(t)
  const killed = await serve(directory)
  const socket = join(directory, 'control.sock')
  for (const garbage of ['hello\n', '{"command":"backup"}\n', '{"command":"rm"}\n', 'x'.repeat(70_000)])
    assert.match(await ask(socket, garbage), /^\{"error":\{"code":"INVALID_REQUEST"/)
  await killed.end('SIGKILL')
  const broker = await serve(directory)
  whenEnded(t, () => broker.end('SIGKILL'))
  assert.match(await ask(socket, '{"command":"backup","target":""}\n'), /INVALID_REQUEST/)
  const { code, stderr } = await run('backup', join(directory, 'inside'), '--data', directory)
  assert.equal(code, 2)
  assert.match(stderr, /INVALID_ARGUMENT/)
  assert.equal(await broker.end('SIGTERM'), 0)
})
