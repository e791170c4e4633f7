/** What the documents show runs as it stands: whole programs in TypeScript (`ts`), and commands (`sh`). */

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../src/files/temporary-directory.js'
import { open } from '../src/index.js'
import { startBroker } from '../src/testing/index.js'
import { runProgram } from './support/tools.js'

const root = resolve(import.meta.dirname, '..')

test('the examples of the README run as they stand', { timeout: 120_000 }, () => runExamples(examplesOf('README.md')))

test('the examples of the library guide that are whole programs run as they stand', { timeout: 120_000 }, () =>
  runExamples(examplesOf('docs/library.md').filter((example) => example.startsWith('import'))),
)

for (const document of ['docs/getting-started.md', 'docs/recipes.md', 'docs/migrating.md']) {
  test(`the examples of ${document} run as they stand`, { timeout: 180_000 }, () => runExamples(examplesOf(document)))
}

test(
  'the program of docs/kafka.md goes on where it was when it is moved from a folder to a cluster by its URL',
  {
    timeout: 180_000,
  },
  () =>
    inProject(async (directory) => {
      const [example] = examplesOf('docs/kafka.md')
      writeFileSync(join(directory, 'shop.ts'), example)
      const tsx = join(root, 'node_modules/tsx/dist/loader.mjs')
      const run = async (env: NodeJS.ProcessEnv): Promise<string> => {
        const args = ['--import', tsx, 'shop.ts']
        const ran = await runProgram(process.execPath, args, { cwd: directory, env: { ...process.env, ...env } })
        assert.equal(ran.code, 0, ran.stderr)
        return String(ran.stdout).trim()
      }
      assert.deepEqual([await run({}), await run({})], ['billed 0', 'billed 1'])
      await using broker = await startBroker()
      const url = `kafka://${broker.address}`
      {
        await using from = await open(join(directory, 'shop'))
        await using to = await open(url)
        for (const { key, value } of await from.read('orders')) await to.send('orders', { key, value })
        for (const { offset } of await from.groups.offsets('billing'))
          await to.groups.resetOffsets('billing', { topic: 'orders', to: { offset } })
      }
      assert.equal(await run({ QUEUE: url }), 'billed 2')
    }),
)

/** What the commands of a document find there already. */
const preparations: Readonly<Record<string, string>> = {
  'README.md': '',
  'docs/operations.md': `seq 1 20 | bin/holdfast produce orders --data ./data
    echo here | bin/holdfast produce orders --data ./shop`,
}

for (const [document, preparation] of Object.entries(preparations)) {
  test(`the commands of ${document} run as they stand`, { timeout: 180_000 }, () =>
    inProject(async (directory) => {
      const blocks = [...readFileSync(join(root, document), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map(
        ([, block]) => block,
      )
      assert.ok(blocks.length > 0)
      const script = ['set -eo pipefail', preparation, 'set -x', ...blocks].join('\n')
      const ran = await runProgram('bash', ['-c', script], { cwd: directory, timeoutMs: 180_000 })
      assert.equal(ran.code, 0, ran.stderr)
    }),
  )
}

function examplesOf(document: string): string[] {
  return [...readFileSync(join(root, document), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1])
}

/** Type-checks them all, then runs one after the other. */
async function runExamples(examples: readonly string[]): Promise<void> {
  assert.ok(examples.length > 0)
  await inProject(async (directory) => {
    const files = examples.map((example, i) => {
      const file = join(directory, `example-${i}.ts`)
      writeFileSync(file, example)
      return file
    })
    const options = '--noEmit --strict --skipLibCheck --target esnext --module nodenext --types node'.split(' ')
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const checked = await runProgram(process.execPath, [compiler, ...options, ...files], { cwd: directory })
    assert.equal(checked.code, 0, `${checked.stdout}${checked.stderr}`)
    const tsx = join(root, 'node_modules/tsx/dist/loader.mjs')
    for (const [i, file] of files.entries()) {
      const ran = await runProgram(process.execPath, ['--import', tsx, file], { cwd: directory })
      assert.equal(ran.code, 0, `example ${i + 1}:\n${examples[i]}\n${ran.stderr}`)
    }
  })
}

/** A folder as a user's project: the package by its name, from its built files, and `bin/holdfast` as in a clone. */
async function inProject(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await makeTemporaryDirectory('holdfast-readme-')
  try {
    const { path } = directory
    mkdirSync(join(path, 'node_modules'))
    symlinkSync(root, join(path, 'node_modules/holdfast'))
    for (const name of ['kafkajs', '@types']) {
      symlinkSync(join(root, 'node_modules', name), join(path, 'node_modules', name))
    }
    symlinkSync(join(root, 'bin'), join(path, 'bin'))
    writeFileSync(join(path, 'package.json'), '{ "type": "module" }')
    await work(path)
  } finally {
    await directory.remove()
  }
}
