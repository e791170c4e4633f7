/**
 * Damage that a reader meets, or a start, is told: by the doctor while the store is served, in its metrics, and by the
 * commands that work on the folder itself.
 */

import assert from 'node:assert/strict'
import { open as openFile, readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { open } from '../../src/index.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import type { CheckResult } from '../../src/monitoring/doctor/check.js'
import { holdfast, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

const run = async (...args: string[]) => {
  const { stdout, ...rest } = await runProgram(process.execPath, [holdfast, ...args])
  return { ...rest, stdout: stdout.toString() }
}

/** Three messages of a topic, in a folder that was closed in order. */
async function filled(dataPath: string, layout: string): Promise<void> {
  const queue = await open(dataPath)
  await queue.topics.create('orders', { partitions: 1, config: { 'storage.layout': layout } })
  for (const value of ['one', 'two', 'three']) await queue.send('orders', { value })
  await queue.close()
}

/** Reads behind the first message, and meets what is damaged. */
async function readOn(address: string): Promise<void> {
  const service = await RemoteBroker.connect(address)
  try {
    const position = { topic: 'orders', partition: 0, offset: 1, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
    const [{ error }] = await service.fetch({ positions: [position], maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 0 })
    assert.ok(error)
  } finally {
    await service.close()
  }
}

/** Turns a bit in the middle of the message that holds `text`. */
async function harm(path: string, text: string): Promise<void> {
  const file = await openFile(path, 'r+')
  const bytes = await file.readFile()
  const at = bytes.indexOf(text)
  assert.ok(at > 0)
  await file.write(Buffer.from([bytes[at] ^ 1]), 0, 1, at)
  await file.close()
}

describe('a damaged store', () => {
  test('that is served tells the doctor what a reader met, and counts it', async () => {
    await using directory = await temporary()
    await filled(directory.path, 'commitlog')
    const commitLog = join(directory.path, 'store/commitlog')
    await harm(join(commitLog, (await readdir(commitLog))[0]), 'two')
    const broker = await serve(directory.path, { args: ['--http', '127.0.0.1:0'] })
    try {
      const metric = async () => {
        const metrics = await (await fetch(`http://${String(broker.ready['http'])}/metrics`)).text()
        return /^mq_damaged_partitions (.*)$/m.exec(metrics)?.[1]
      }
      assert.equal(await metric(), '0')
      await readOn(broker.address)
      assert.equal(await metric(), '1')
    } finally {
      await broker.end('SIGTERM')
    }
    const quiet = await serve(directory.path)
    try {
      const advice = async () => {
        const { stdout } = await run('doctor', '--data', directory.path, '--listen', '127.0.0.1:0', '--json')
        const { checks } = JSON.parse(stdout) as { checks: readonly CheckResult[] }
        return checks.filter(({ check }) => check.startsWith('log-'))
      }
      assert.deepEqual(await advice(), [])
      await readOn(quiet.address)
      const [found, ...others] = await advice()
      assert.deepEqual([found?.check, found?.severity, others], ['log-damaged orders-0', 'critical', []])
      assert.match(found.what, /is damaged at position \d+/)
    } finally {
      await quiet.end('SIGTERM')
    }
  })

  test('that nobody serves is reported by whoever opens it, beside the messages that are sound', async () => {
    await using directory = await temporary()
    await filled(directory.path, 'segments')
    await truncate(join(directory.path, 'log/orders-0/00000000000000000000.log'), 100)
    for (const [command, told] of [
      [['consume', 'orders', '--no-follow'], /^one\n$/],
      [['topics', 'list'], /orders +1 +1/],
    ] as const) {
      const { stdout, stderr } = await run(...command, '--data', directory.path)
      assert.match(stdout, told)
      assert.match(stderr, /^1 logs are damaged and take no messages;.*\n.*orders-0/, command.join(' '))
    }
  })
})

async function temporary(): Promise<AsyncDisposable & { readonly path: string }> {
  const { path, remove } = await makeTemporaryDirectory('holdfast-damaged-')
  return { path, [Symbol.asyncDispose]: remove }
}
