/** `serve --http` and `trace` as a user types them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trail } from '../../src/console/api-types.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { holdfast, serve } from '../support/served-broker.js'
import { type Finished, runProgram } from '../support/tools.js'

const run = (args: readonly string[], input?: string): Promise<Finished> =>
  runProgram(process.execPath, [holdfast, ...args], { input })

async function inDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const directory = await makeTemporaryDirectory('holdfast-http-')
  try {
    await work(directory.path)
  } finally {
    await directory.remove()
  }
}

test('the ready line names the console, which shows what is served; trace asks it, and the folder once it is stopped', () =>
  inDirectory(async (path) => {
    const broker = await serve(path, { args: ['--http', '127.0.0.1:0'] })
    const http = String(broker.ready['http'])
    assert.match(http, /^127\.0\.0\.1:\d+$/)
    const page = await fetch(`http://${http}/`)
    assert.match(await page.text(), /<title>Holdfast<\/title>/)
    const metrics = await fetch(`http://${http}/metrics`)
    assert.match(await metrics.text(), /^# TYPE mq_flush_total counter$/m)
    for (const key of ['a', 'b']) {
      const { code, stderr } = await run(['produce', 't', '--broker', broker.address, '--key', key], 'hello\n')
      assert.equal(code, 0, stderr)
    }
    const asked = await run(['trace', 't', '--offset', '1', '--http', `http://${http}`, '--json'])
    assert.equal(asked.code, 0, asked.stderr)
    const trail = JSON.parse(asked.stdout.toString()) as Trail
    assert.deepEqual([trail.offset, trail.message.key?.text, trail.durable], [1, 'b', true])
    assert.ok(trail.flush !== null && trail.flush.messages >= 1, 'the flush is remembered')
    const missing = await run(['trace', 't', '--offset', '7', '--http', http])
    assert.deepEqual([missing.code, /holds no message.*OFFSET_OUT_OF_RANGE/.test(missing.stderr)], [1, true])
    assert.equal(await broker.end('SIGTERM'), 0)
    const here = await run(['trace', 't', '--offset', '1', '--data', path])
    assert.equal(here.code, 0, here.stderr)
    assert.match(here.stdout.toString(), /^file +.*00000000000000000000\.log at byte \d+/m)
    const nobody = await run(['trace', 't', '--offset', '1', '--http', http])
    assert.match(nobody.stderr, /CONNECTION_FAILED/)
  }))

test('a token is taken from the environment, demanded, and used by trace', () =>
  inDirectory(async (path) => {
    const token = 'a-token-of-some-length'
    const broker = await serve(path, { args: ['--http', '127.0.0.1:0', '--http-token', token] })
    const url = `http://${broker.ready['http']}`
    assert.equal((await fetch(`${url}/api/overview`)).status, 401)
    await run(['produce', 't', '--broker', broker.address], 'hello\n')
    assert.notEqual((await run(['trace', 't', '--offset', '0', '--http', url])).code, 0)
    const asked = await run(['trace', 't', '--offset', '0', '--http', url, '--http-token', token])
    assert.equal(asked.code, 0, asked.stderr)
    await broker.end('SIGTERM')
  }))

test('an open address without a token, half of TLS and options without --http are refused, and nothing is opened', () =>
  inDirectory(async (path) => {
    const refusals: [string[], RegExp][] = [
      [['--http', '0.0.0.0:0'], /open to everybody/],
      [['--http', '0.0.0.0:0', '--http-token', 'short'], /at least 16/],
      [['--http', '127.0.0.1:0', '--http-tls-cert', 'cert.pem'], /takes both/],
      [['--http-tls-cert', 'cert.pem'], /--http HOST:PORT/],
      [['--http', 'nowhere'], /HOST:PORT/],
    ]
    for (const [args, why] of refusals) {
      const { code, stderr } = await run(['serve', '--data', `${path}/none`, '--listen', '127.0.0.1:0', ...args])
      assert.notEqual(code, 0)
      assert.match(stderr, why)
    }
    assert.notEqual((await run(['dump', `${path}/none`])).code, 0)
  }))
