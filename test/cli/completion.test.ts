/** Completion: what the tree of commands offers, and real shells that ask for it. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { type Completion, complete, type NameSource, type Names } from '../../src/cli/completing.js'
import { rejoined } from '../../src/cli/completion.js'
import { type Shell, scripts, shells } from '../../src/cli/completion-scripts.js'
import { commandTree } from '../../src/cli/main.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { holdfast } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

const asked: NameSource[] = []
const names: Names = {
  settings: [{ value: 'num.partitions' }, { value: 'file.engine' }],
  topicSettings: [{ value: 'retention.ms' }],
  profiles: [{ value: 'reliable' }, { value: 'fast' }],
  lookUp: async (source) => {
    asked.push(source)
    return source.kind === 'topics' ? ['orders', 'offers', 'payments'] : ['billing']
  },
}

const offered = (...words: string[]): Promise<Completion> => complete(commandTree(), words, names)
const valuesOf = async (...words: string[]) => (await offered(...words)).candidates.map(({ value }) => value)

test('subcommands, then options, then their values', async () => {
  assert.deepEqual(await valuesOf('top'), ['topics'])
  assert.ok((await valuesOf('')).includes('serve'))
  assert.ok(!(await valuesOf('')).some((value) => value.startsWith('_')), 'what is hidden is not offered')
  assert.deepEqual(await valuesOf('topics', 'de'), ['delete', 'describe'])
  assert.deepEqual(await valuesOf('topics', 'list', '--form'), ['--format'])
  assert.deepEqual(await valuesOf('topics', 'list', '--format', 'js'), ['json', 'jsonl'])
  assert.deepEqual(await valuesOf('topics', 'list', '--format=js'), ['--format=json', '--format=jsonl'])
  assert.deepEqual(await valuesOf('serve', '--log-level', ''), ['debug', 'info', 'warn', 'error', 'silent'])
  assert.deepEqual(await valuesOf('serve', '--profile', ''), ['reliable', 'fast'])
  assert.deepEqual(await valuesOf('completion', ''), ['bash', 'zsh', 'fish'])
})

test('an option that was given is not offered again, unless it may be repeated', async () => {
  const options = await valuesOf('produce', 'orders', '--key', 'k', '--header', 'a=1', '--')
  assert.ok(options.includes('--header') && options.includes('--partition'))
  assert.ok(!options.includes('--key'))
})

test('names of settings where settings stand, of topics where topics stand', async () => {
  assert.deepEqual(await valuesOf('serve', '--set', 'num'), ['num.partitions='])
  assert.deepEqual(await valuesOf('topics', 'create', 'a', '--config', ''), ['retention.ms='])
  assert.deepEqual(await valuesOf('topics', 'alter', 'a', '--delete-config', ''), ['retention.ms'])
  assert.deepEqual(await valuesOf('config', 'set', ''), ['num.partitions=', 'file.engine='])
  assert.deepEqual(await valuesOf('config', 'set', '-t', 'orders', ''), ['retention.ms='])
  assert.deepEqual(await valuesOf('config', 'get', 'file'), ['file.engine'])
  assert.deepEqual(await valuesOf('topics', 'describe', 'o'), ['orders', 'offers'])
  assert.deepEqual(await valuesOf('topics', 'delete', 'orders', 'p'), ['payments'])
  assert.deepEqual(await valuesOf('consume', 'o', ''), [])
  assert.deepEqual(await valuesOf('consume', 'orders', '--group', ''), ['billing'])
  assert.deepEqual(await valuesOf('groups', 'reset', 'billing', '--to', 'e'), ['earliest'])
  assert.deepEqual(await valuesOf('topics', 'create', ''), [], 'a new name is nobody else’s')
})

test('who is asked for names is who the line names', async () => {
  asked.length = 0
  await offered('consume', '--broker', 'there:1', '')
  await offered('groups', 'describe', '--data', './d', '')
  assert.deepEqual(asked, [
    { kind: 'topics', options: { '--broker': 'there:1' } },
    { kind: 'groups', options: { '--data': './d' } },
  ])
})

test('paths are left to the shell', async () => {
  assert.equal((await offered('topics', 'list', '--data', '')).paths, 'directories')
  assert.equal((await offered('serve', '--config', 'x')).paths, 'files')
  assert.equal((await offered('verify', '')).paths, 'files')
  assert.deepEqual(await offered('serve', '--', '--'), { candidates: [], paths: undefined })
})

test('words that bash took apart are put together', () => {
  assert.deepEqual(rejoined(['consume', '--broker', '127.0.0.1', ':', '9092', 'o']), [
    'consume',
    '--broker',
    '127.0.0.1:9092',
    'o',
  ])
  assert.deepEqual(rejoined(['serve', '--set', 'num.partitions', '=', '4', '']), [
    'serve',
    '--set',
    'num.partitions=4',
    '',
  ])
  assert.deepEqual(rejoined(['topics', 'list', '--format', '=', 'js']), ['topics', 'list', '--format=js'])
})

describe('in a real shell', () => {
  let directory: TemporaryDirectory
  let env: NodeJS.ProcessEnv

  before(async (t) => {
    directory = await makeTemporaryDirectory('holdfast-completion-')
    // The program by its name, as it is installed.
    const bin = join(directory.path, 'bin')
    mkdirSync(bin)
    symlinkSync(holdfast, join(bin, 'holdfast'))
    mkdirSync(join(directory.path, 'dir-a'))
    env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, HOME: directory.path, TERM: 'dumb' }
    const created = await runProgram(process.execPath, [
      ...[holdfast, 'topics', 'create', 'orders', '--data', join(directory.path, 'data')],
    ])
    assert.equal(created.code, 0, created.stderr)
    return t
  })

  const ask = async (shell: Shell, script: string) => {
    const { code, stdout, stderr } = await runProgram(shell, ['-c', script], { env })
    assert.equal(code, 0, stderr)
    return stdout.toString().trim().split('\n').filter(Boolean)
  }

  const inBash = (...words: string[]) => {
    const typed = ['holdfast', ...words].map((word) => `'${word}'`).join(' ')
    const script = `cd ${directory.path}; source <(holdfast completion bash)
COMP_WORDS=(${typed}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`
    return ask('bash', script)
  }

  test('bash', { skip: without('bash') }, async () => {
    assert.deepEqual(await inBash('top'), ['topics'])
    assert.deepEqual(await inBash('topics', 'list', '--format', 'js'), ['json', 'jsonl'])
    // Words as bash takes them apart: it expects the part behind the last of = and :.
    assert.deepEqual(await inBash('topics', 'list', '--format', '=', 'js'), ['json', 'jsonl'])
    assert.deepEqual(await inBash('serve', '--data', 'dir'), ['dir-a'])
    assert.deepEqual(await inBash('consume', '--data', 'data', 'o'), ['orders'])
    assert.deepEqual(await inBash('serve', '--set', 'num.'), ['num.partitions='])
    assert.deepEqual(await inBash('consume', '--broker', '127.0.0.1', ':', '1', 'o'), [], 'nobody answers there')
  })

  test('bash knows the function after it was loaded', { skip: without('bash') }, async () => {
    assert.deepEqual(await ask('bash', 'source <(holdfast completion bash); complete -p holdfast'), [
      'complete -F _holdfast holdfast',
    ])
  })

  test('zsh', { skip: without('zsh') }, async () => {
    // Its completion system runs in a line editor alone; what the function hands to it is caught instead.
    const script = (typed: string) => `autoload -U compinit; compinit -u -D; source <(holdfast completion zsh)
[[ \${_comps[holdfast]} == _holdfast ]] || exit 3
_describe() { print -l -- "\${described[@]}" }
_files() { print -- "files $*" }
words=(holdfast ${typed}); CURRENT=\${#words}; cd ${directory.path}; _holdfast`
    assert.deepEqual(await ask('zsh', script('topics des')), ['describe:partitions, offsets and configuration'])
    assert.deepEqual(await ask('zsh', script('consume --data data o')), ['orders:'])
    assert.ok((await ask('zsh', script("serve --data ''"))).includes('files -/'))
  })

  test('fish', { skip: without('fish') }, async () => {
    const script = (typed: string) =>
      `holdfast completion fish | source; cd ${directory.path}; complete -C ${JSON.stringify(typed)}`
    const words = async (typed: string) => (await ask('fish', script(typed))).map((line) => line.split('\t')[0])
    assert.deepEqual(await words('holdfast topics des'), ['describe'])
    assert.deepEqual(await words('holdfast topics list --format js'), ['json', 'jsonl'])
    assert.deepEqual(await words('holdfast consume --data data o'), ['orders'])
    assert.deepEqual(await words('holdfast serve --data dir'), ['dir-a/'])
  })

  test('the scripts of all shells say how to load them', () => {
    for (const shell of shells) assert.match(scripts[shell], new RegExp(`holdfast completion ${shell}`))
  })
})

function without(shell: Shell): string | false {
  if (spawnSync(shell, ['-c', 'true'], { stdio: 'ignore' }).error === undefined) return false
  const line = `SKIPPED: ${shell} is not installed; .ci/run installs it.`
  console.error(`\n!!! ${line}\n`)
  return line
}
