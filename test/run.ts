/**
 * Runs every test file below this folder, or those whose path contains one of the arguments:
 * `npm test`, `node --import tsx test/run.ts storage crash`.
 */

import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { bundle } from '../scripts/bundle.js'
import { bundledPrograms, bundleVariable } from './support/child-program.js'

const wanted = process.argv.slice(2)

const names = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
  .sort()
  .map((name) => join('test', name))

if (names.length === 0) {
  console.error(`No test file has ${wanted.join(' or ')} in its path.`)
  process.exit(2)
}

const { directory, pathOf } = await bundle([...names, ...bundledPrograms])
process.env[bundleVariable] = directory
// What the files are started with: no translator, and the lines of the sources where something fails.
process.execArgv = ['--enable-source-maps']

/** How long the tests of each file took together: what makes the whole slow is told at its end. */
const spentMs = new Map<string, number>()

function note({ file, nesting, details }: { file?: string; nesting: number; details: { duration_ms: number } }): void {
  if (nesting === 0 && file !== undefined) spentMs.set(file, (spentMs.get(file) ?? 0) + details.duration_ms)
}

// Each file is a process of its own; most of them wait for the disk or for another process.
run({ files: names.map(pathOf), concurrency: 2, timeout: Number(process.env['HOLDFAST_TEST_TIMEOUT_MS'] ?? 300_000) })
  .on('test:pass', note)
  .on('test:fail', (failed) => {
    note(failed)
    process.exitCode = 1
  })
  .compose(new spec())
  .pipe(process.stdout)

process.on('exit', () => {
  const slowest = [...spentMs].sort(([, a], [, b]) => b - a).slice(0, 20)
  for (const [file, ms] of slowest)
    console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${relative(import.meta.dirname, file)}`)
})
