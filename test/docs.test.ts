/** The documents tell the truth: reference pages equal the tables, links lead somewhere, the README's examples run. */

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { referencePages } from '../scripts/reference-pages.js'
import { errorTable } from '../src/core/errors.js'
import { makeTemporaryDirectory } from '../src/files/temporary-directory.js'
import { runProgram } from './support/tools.js'

const root = resolve(import.meta.dirname, '..')
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

for (const [path, text] of referencePages()) {
  test(`${path.slice(root.length + 1)} is what the source says (npm run docs writes it)`, () => {
    assert.equal(readFileSync(path, 'utf8'), text)
  })
}

test("Kafka error numbers are Kafka's, and ours alone share UNKNOWN_SERVER_ERROR or a fitting one", () => {
  const byNumber = new Map<number, string[]>()
  for (const [code, { kafka }] of Object.entries(errorTable))
    byNumber.set(kafka, [...(byNumber.get(kafka) ?? []), code])
  const shared = [...byNumber].filter(([kafka, codes]) => kafka !== -1 && codes.length > 1).map(([kafka]) => kafka)
  assert.deepEqual(
    shared.sort((a, b) => a - b),
    [40, 42, 56],
  )
})

test('links between documents lead to files', () => {
  const broken: string[] = []
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8')
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^https?:/.test(target)) continue
      if (!existsSync(join(root, dirname(document), target))) broken.push(`${document} > ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})

test('source files that the documents name exist', () => {
  // What a run makes, and git ignores, is not there in a fresh clone.
  const made = ['.gitignore', 'bench/.gitignore'].flatMap((file) =>
    readFileSync(join(root, file), 'utf8').split('\n').filter(Boolean),
  )
  const missing: string[] = []
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8')
    for (const [, path] of text.matchAll(/`((?:src|test|bench|scripts|sim)\/[\w./-]+)`/g)) {
      const isMade = made.some((name) => `${path}/`.includes(`/${name}`))
      if (!isMade && !existsSync(join(root, path))) missing.push(`${document} > ${path}`)
    }
  }
  assert.deepEqual(missing, [])
})

test('the examples of the README run as they stand', { timeout: 120_000 }, () => runExamples(examplesOf('README.md')))

test('the examples of the library guide that are whole programs run as they stand', { timeout: 120_000 }, () =>
  runExamples(examplesOf('docs/library.md').filter((example) => example.startsWith('import'))),
)

function examplesOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1])
}

async function runExamples(examples: readonly string[]): Promise<void> {
  assert.ok(examples.length > 0)
  const directory = await makeTemporaryDirectory('holdfast-readme-')
  try {
    // As in a user's project: the package by its name, from its built files.
    mkdirSync(join(directory.path, 'node_modules'))
    symlinkSync(root, join(directory.path, 'node_modules/holdfast'))
    symlinkSync(join(root, 'node_modules/kafkajs'), join(directory.path, 'node_modules/kafkajs'))
    writeFileSync(join(directory.path, 'package.json'), '{ "type": "module" }')
    for (const [i, example] of examples.entries()) {
      const file = join(directory.path, `example-${i}.ts`)
      writeFileSync(file, example)
      const tsx = join(root, 'node_modules/tsx/dist/loader.mjs')
      const script = `process.chdir(${JSON.stringify(directory.path)}); await import(${JSON.stringify(file)})`
      const ran = await runProgram(process.execPath, ['--import', tsx, '--input-type=module', '-e', script])
      assert.equal(ran.code, 0, `example ${i + 1}:\n${example}\n${ran.stderr}`)
    }
  } finally {
    await directory.remove()
  }
}
