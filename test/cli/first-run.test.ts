/** From an empty folder to a message in the console: each step is a line that the program itself printed. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { MessagePage } from '../../src/console/api-types.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { runProgram, withoutKcat } from '../support/tools.js'

const root = resolve(import.meta.dirname, '../..')

test('what serve prints, typed as it stands, sends a message, reads it and shows it', {
  timeout: 120_000,
}, async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-first-run-')
  let server: ChildProcess | undefined
  try {
    installIn(directory.path)
    // As in the documents, but on free ports.
    const ports = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0']
    server = spawn(join(directory.path, 'node_modules/.bin/holdfast'), ['serve', ...ports], { cwd: directory.path })
    const printed = await readUntil(server, /mq\.send/)
    const commands = linesAfter(printed, /^Send a message/)
    assert.deepEqual(
      commands.map((command) => command.replace(/ --broker \S+$/, '')),
      ['echo hello | npx holdfast produce greetings', 'npx holdfast consume greetings --no-follow'],
    )
    const outputs: string[] = []
    for (const command of commands) outputs.push(await run(command, directory.path))
    assert.equal(outputs[1], 'hello\n')

    const [address] = linesAfter(printed, /^and look at it/)
    const { origin, hash } = new URL(address)
    assert.equal(hash, '#/topics/greetings/messages')
    const page = await fetch(`${origin}/`)
    assert.match(await page.text(), /<title>Holdfast/)
    const browsed = (await (await fetch(`${origin}/api/topics/greetings/messages`)).json()) as MessagePage
    assert.equal(browsed.messages.length, 1)

    if (withoutKcat() !== false) return t.diagnostic('the lines for kcat were not tried')
    const [send, read] = linesAfter(printed, /^or with any client of Kafka/)
    await run(send, directory.path)
    assert.match(await run(read, directory.path), /^hello\nhello\n/)
  } finally {
    if (server !== undefined && server.exitCode === null) {
      const ended = new Promise((done) => server?.once('exit', done))
      server.kill('SIGTERM')
      await ended
    }
    await directory.remove()
  }
})

/** As `npm install holdfast` leaves it. */
function installIn(path: string): void {
  mkdirSync(join(path, 'node_modules/.bin'), { recursive: true })
  symlinkSync(root, join(path, 'node_modules/holdfast'))
  symlinkSync('../holdfast/bin/holdfast', join(path, 'node_modules/.bin/holdfast'))
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }')
}

function readUntil(server: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolvePrinted, reject) => {
    let printed = ''
    let complaints = ''
    server.stderr?.on('data', (chunk) => {
      complaints += chunk
    })
    server.stdout?.on('data', (chunk) => {
      printed += chunk
      if (pattern.test(printed)) resolvePrinted(printed)
    })
    server.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${complaints}`)))
  })
}

/** The indented lines below a line. */
function linesAfter(text: string, heading: RegExp): string[] {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => heading.test(line)) + 1
  assert.ok(first > 0, `${heading} in ${text}`)
  const end = lines.findIndex((line, at) => at >= first && !line.startsWith('  '))
  return lines.slice(first, end).map((line) => line.trim())
}

async function run(command: string, cwd: string): Promise<string> {
  const ran = await runProgram('sh', ['-c', command], { cwd })
  assert.equal(ran.code, 0, `${command}: ${ran.stderr}`)
  return ran.stdout.toString()
}
