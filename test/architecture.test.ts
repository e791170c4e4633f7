/** The house rules that a program can check: which room may import which, how long files are, who may touch the world. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '..')
const src = join(root, 'src')

interface Source {
  /** Relative to src, with forward slashes. */
  readonly path: string
  readonly text: string
}

const sources: Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ path: name.replaceAll('\\', '/'), text: readFileSync(join(src, name), 'utf8') }))

/** The first rule whose prefix fits a path tells its room and floor. Contracts lie under those who fulfil them. */
const rooms: readonly (readonly [prefix: string, room: string, floor: number])[] = [
  ['core/', 'core', 0],
  ['files/', 'files', 0],
  ['flush/', 'flush', 1],
  ['records/', 'records', 1],
  ['storage/partition-log.ts', 'storage contract', 2],
  ['storage/producer-states.ts', 'storage contract', 2],
  ['storage/message-finder.ts', 'storage contract', 2],
  ['storage/log/', 'storage contract', 2],
  ['storage/key-index/', 'storage/key-index', 2],
  ['storage/segments/', 'storage/segments', 2],
  ['storage/commitlog/', 'storage/commitlog', 2],
  ['storage/inspect/', 'storage/inspect', 3],
  ['storage/repair/', 'storage/repair', 3],
  ['storage/export/', 'storage/export', 3],
  ['storage/', 'storage', 3],
  ['broker/', 'broker', 4],
  ['replication/', 'replication', 4],
  ['kafka/', 'kafka', 5],
  ['client/', 'client', 5],
  ['testing/', 'testing', 6],
  ['console/api-types.ts', 'console contract', 4],
  ['monitoring/', 'monitoring', 5],
  ['mirror/', 'mirror', 5],
  ['console/', 'console', 6],
  ['cli/', 'cli', 6],
  // What a kafka: URL opens lies in `kafka/`, on the client's floor.
  ['open.ts', 'library', 6],
  ['index.ts', 'library', 6],
]

/** Arrows between two rooms of one floor that are meant to be. */
const sideways: ReadonlySet<string> = new Set([
  'files > core',
  'storage/segments > storage contract',
  'storage/commitlog > storage contract',
  // The tools read what the store wrote; the store knows nothing of them.
  'storage/inspect > storage',
  'storage/repair > storage',
  'storage/repair > storage/inspect',
  'storage/export > storage',
  'storage/export > storage/inspect',
  'storage/key-index > storage contract',
  // A node is a broker that leads or follows.
  'replication > broker',
  // The command that serves starts the console.
  'cli > console',
])

function roomOf(path: string): { room: string; floor: number } {
  const rule = rooms.find(([prefix]) => path.startsWith(prefix))
  assert.ok(rule, `src/${path} belongs to no room; add it to the table in ${relative(root, import.meta.filename)}`)
  return { room: rule[1], floor: rule[2] }
}

function importsOf({ path, text }: Source): string[] {
  const specifiers = [...text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)'(\.[^']+)'/g)].map((match) => match[1])
  return specifiers.map((specifier) =>
    relative(src, resolve(src, dirname(path), specifier))
      .replaceAll('\\', '/')
      .replace(/\.js$/, '.ts'),
  )
}

test('imports run down the floors only', () => {
  const wrong: string[] = []
  for (const source of sources) {
    const from = roomOf(source.path)
    for (const target of importsOf(source)) {
      const to = roomOf(target)
      if (from.room === to.room || to.floor < from.floor) continue
      if (to.floor === from.floor && sideways.has(`${from.room} > ${to.room}`)) continue
      wrong.push(
        `src/${source.path} (${from.room}, floor ${from.floor}) imports src/${target} (${to.room}, floor ${to.floor})`,
      )
    }
  }
  assert.deepEqual(wrong, [])
})

test('every import leads to a file', () => {
  const present = new Set(sources.map((source) => source.path))
  const missing = sources.flatMap((source) =>
    importsOf(source)
      .filter((target) => !present.has(target))
      .map((target) => `${source.path} > ${target}`),
  )
  assert.deepEqual(missing, [])
})

/** What a source may not contain, but for the places that exist for it. */
const doors: readonly { readonly what: RegExp; readonly name: string; readonly only: readonly string[] }[] = [
  { what: /'node:fs(\/promises)?'|'fs'/, name: 'the file system', only: ['files/'] },
  { what: /'koffi'/, name: 'libc', only: ['files/'] },
  { what: /\bDate\.now\(|new Date\(\)|performance\.now\(/, name: 'the clock', only: ['core/clock.ts'] },
  { what: /\bset(Timeout|Interval|Immediate)\(/, name: 'timers', only: ['core/clock.ts'] },
  { what: /Math\.random\(|randomBytes|randomUUID/, name: 'randomness', only: ['core/randomness.ts'] },
  {
    what: /'node:net'|'node:tls'/,
    name: 'sockets',
    only: ['kafka/', 'cli/control-socket.ts', 'replication/etcd/access.ts'],
  },
]

for (const { what, name, only } of doors) {
  test(`${name} is reached through ${only.join(', ')} alone`, () => {
    const wrong = sources.filter(({ path, text }) => !only.some((place) => path.startsWith(place)) && what.test(text))
    assert.deepEqual(
      wrong.map((source) => source.path),
      [],
    )
  })
}

/** The pages of the console, which know nothing of `src/` but the types that the server answers with. */
const pages: Source[] = readdirSync(join(root, 'console'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => ({ path: name.replaceAll('\\', '/'), text: readFileSync(join(root, 'console', name), 'utf8') }))

test("the console's pages take types from the server's contract alone", () => {
  const wrong = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/import (type )?[^']*'([^']*\/src\/[^']*)'/g)]
      .filter(([, isType, target]) => !isType || !target.endsWith('/src/console/api-types.js'))
      .map(([statement]) => `${path}: ${statement}`),
  )
  assert.deepEqual(wrong, [])
})

test('the console writes text as text, and fetches nothing from elsewhere', () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|['"`]https?:\/\//
  assert.deepEqual(
    pages.filter(({ text }) => forbidden.test(text)).map(({ path }) => path),
    [],
  )
})

test('no type checks are switched off', () => {
  const wrong = [...sources, ...pages].filter(({ text }) =>
    /@ts-(ignore|nocheck|expect-error)|biome-ignore|:\s*any\b|\bas any\b|<any>/.test(text),
  )
  assert.deepEqual(
    wrong.map((source) => source.path),
    [],
  )
})

test('nothing is left to be done later', () => {
  const wrong = [...sources, ...pages].filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text))
  assert.deepEqual(
    wrong.map((source) => source.path),
    [],
  )
})

const longestFile = 400

test(`files have at most ${longestFile} lines`, () => {
  const wrong = [...sources, ...pages].filter(({ text }) => text.split('\n').length - 1 > longestFile)
  assert.deepEqual(
    wrong.map((source) => `${source.path}: ${source.text.split('\n').length - 1}`),
    [],
  )
})

test('every file opens with what it is for', () => {
  const wrong = [...sources, ...pages].filter(({ text }) => !text.replace(/^#!.*\n/, '').startsWith('/**'))
  assert.deepEqual(
    wrong.map((source) => source.path),
    [],
  )
})

test('every file is imported by another, or is a door of the package', () => {
  const exports = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports as Record<
    string,
    { default: string } | string
  >
  const doorsOfPackage = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [entry.default.replace('./dist/', '').replace(/\.js$/, '.ts')],
  )
  const imported = new Set([...sources.flatMap(importsOf), ...doorsOfPackage, 'cli/main.ts'])
  assert.deepEqual(
    sources.map((source) => source.path).filter((path) => !imported.has(path)),
    [],
  )
})
