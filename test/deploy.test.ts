/** What `deploy/` says to start is what the program takes, and what its image is made of is there. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { holdfast } from './support/served-broker.js'
import { runProgram } from './support/tools.js'

const root = resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, 'deploy', file), 'utf8')

/** The one match of a pattern. */
function found(file: string, pattern: RegExp): string {
  const match = pattern.exec(read(file))
  assert.ok(match, `${pattern} in deploy/${file}`)
  return match[1]
}

const listOf = (text: string) => text.split(', ').map((word) => word.replaceAll(/^["']|["']$/g, ''))

const commands = new Map([
  ['holdfast.service', found('holdfast.service', /^ExecStart=\S+ (.+)$/m).split(' ')],
  ['Dockerfile', listOf(found('Dockerfile', /^CMD \[(.+)\]$/m))],
  ['compose.yaml', listOf(found('compose.yaml', /^ +command: \[(.+)\]$/m))],
])

for (const [file, args] of commands) {
  test(`the broker takes what deploy/${file} starts it with`, async () => {
    assert.equal(args[0], 'serve')
    const here = args.map((arg) => (arg.endsWith('holdfast.properties') ? join(root, 'docs/holdfast.properties') : arg))
    const { code, stderr } = await runProgram(process.execPath, [holdfast, ...here, '--print-config'])
    assert.equal(code, 0, stderr)
  })
}

test('what the image is made of lies where it is copied from, and is let through to the build', () => {
  const copied = [...read('Dockerfile').matchAll(/^COPY --from=build (.+) \S+$/gm)].flatMap(([, paths]) =>
    paths.split(' '),
  )
  assert.ok(copied.length > 0)
  const missing = copied.filter((path) => !existsSync(join(root, path.replace('/build/', ''))))
  const letThrough = [...read('Dockerfile.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path]) => path)
  assert.deepEqual([missing, letThrough.filter((path) => !existsSync(join(root, path)))], [[], []])
})
