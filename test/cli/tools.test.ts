/** dump, verify and repair as a user types them. */

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { holdfast, serve } from '../support/served-broker.js'
import { type Finished, runProgram } from '../support/tools.js'

const run = (args: readonly string[], input?: string): Promise<Finished> =>
  runProgram(process.execPath, [holdfast, ...args], { input })

const lines = Array.from({ length: 200 }, (_, i) => `key${i}:value ${i}`).join('\n')

describe('the tools that work on a folder', () => {
  let directory: TemporaryDirectory
  let data: string

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-tools-')
    data = join(directory.path, 'data')
    const made = await run(['topics', 'create', 'a', '--data', data])
    assert.equal(made.code, 0, made.stderr)
    const sent = await run(['produce', 'a', '--key-separator', ':', '--data', data], `${lines}\n`)
    assert.equal(sent.code, 0, sent.stderr)
  })

  after(() => directory.remove())

  test('dump shows records to people and to programs', async () => {
    const text = await run(['dump', join(data, 'log/a-0'), '--records', '--from', '3', '--to', '4'])
    assert.equal(text.code, 0, text.stderr)
    assert.match(text.stdout.toString(), /record offset=3 timestamp=\d+ key="key3" value="value 3" headers=\[\]/)
    const json = await run(['dump', join(data, 'log/a-0'), '--json', '--records', '--bytes', 'hex', '--limit', '2'])
    const rows = json.stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(rows.find(({ type }) => type === 'record').key, { hex: Buffer.from('key0').toString('hex') })
  })

  test('a commit log is dumped and verified as a log of its own is', async () => {
    const shared = join(directory.path, 'shared')
    const sizes = ['mapped.file.size.commitlog=1048576', 'max.hash.slot.num=100', 'max.index.num=1000']
    const more = [...sizes.flatMap((size) => ['--set', size]), '--data', shared]
    const made = await run(['topics', 'create', 'b', '--config', 'storage.layout=commitlog', ...more])
    assert.equal(made.code, 0, made.stderr)
    const sent = await run(['produce', 'b', '--key-separator', ':', ...more], `${lines}\n`)
    assert.equal(sent.code, 0, sent.stderr)
    const log = join(shared, 'store/commitlog')
    const shown = await run(['dump', log, '--topic', 'b', '--records', '--limit', '1'])
    assert.match(shown.stdout.toString(), / {2}message position=0 .* topic=b queue=0 .* keys=key0 .* body="value 0"/)
    const verified = await run(['verify', ...more])
    assert.match(verified.stdout.toString(), /^0 errors, 0 warnings, 0 notes\. Checked 1 partitions/)
    const path = join(log, '00000000000000000000')
    const bytes = await readFile(path)
    bytes[100] ^= 1
    await writeFile(path, bytes)
    assert.equal((await run(['verify', ...more])).code, 1)
    assert.equal((await run(['dump', log])).code, 1)
  })

  test('verify has an exit code for clean, for damaged and for what it could not check', async () => {
    const clean = await run(['verify', data])
    assert.equal(clean.code, 0, clean.stdout.toString())
    assert.match(clean.stdout.toString(), /^0 errors, 0 warnings, 0 notes\. Checked 1 partitions/)
    assert.equal((await run(['verify', join(directory.path, 'nowhere')])).code, 2)
    const path = join(data, 'log/a-0/00000000000000000000.log')
    const bytes = await readFile(path)
    const harmed = Buffer.from(bytes)
    harmed[100] ^= 1
    await writeFile(path, harmed)
    const damaged = await run(['verify', data, '--json'])
    assert.equal(damaged.code, 1)
    const report = JSON.parse(damaged.stdout.toString())
    assert.equal(report.errors, 1)
    assert.equal(report.findings[0].path, path)
    assert.equal((await run(['dump', path])).code, 1)
    await writeFile(path, bytes)
  })

  test('verify leaves a folder alone that is served', async () => {
    const broker = await serve(data)
    const { code, stderr } = await run(['verify', data])
    assert.equal(code, 2)
    assert.match(stderr, /is held by process \d+.*DATA_DIR_LOCKED/)
    await broker.end('SIGTERM')
  })

  test('repair says what it would do, and with --apply does it and keeps what it takes out', async () => {
    const path = join(data, 'log/a-0/00000000000000000000.log')
    const harmed = await readFile(path)
    harmed[harmed.length - 10] ^= 1
    await writeFile(path, harmed)
    await writeFile(join(data, 'log/a-0/notes.txt'), 'not a log')
    const planned = await run(['repair', data])
    assert.equal(planned.code, 1, planned.stderr)
    assert.match(planned.stdout.toString(), /needs a choice: .*00000000000000000000\.log\n.*--cut/)
    assert.match(
      planned.stdout.toString(),
      /would: .*notes\.txt\n {2}move it aside.*\n[\s\S]*Nothing was changed; --apply does it\.\n$/,
    )
    const done = await run(['repair', data, '--apply', '--cut', '--json'])
    assert.equal(done.code, 0, done.stderr)
    const { quarantine } = JSON.parse(done.stdout.toString())
    assert.equal(await readFile(join(quarantine, 'log/a-0/notes.txt'), 'utf8'), 'not a log')
    assert.equal((await run(['verify', data])).code, 0)
    assert.equal((await run(['repair', data, '--cut', '--skip'])).code, 2)
    const sent = await run(['produce', 'a', '--data', data], 'one more\n')
    assert.equal(sent.code, 0, sent.stderr)
  })
})
