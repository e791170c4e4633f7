/**
 * Starts `run.ts` as plain JavaScript: each source by itself, so that what V8 counts has its file, and without the helpers that a
 * loader puts into every function.
 */

import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
process.chdir(root)
const outdir = join('data', 'fuzz', `program-${process.pid}`)
const entryPoints = ['src', 'sim', 'fuzz'].flatMap((directory) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name)),
)
await build({ entryPoints, outdir, outbase: '.', format: 'esm', target: 'node20', logLevel: 'error' })
mkdirSync(join(outdir, 'fuzz'), { recursive: true })
cpSync('package.json', join(outdir, 'package.json'))
cpSync('fuzz/watchdog.mjs', join(outdir, 'fuzz', 'watchdog.mjs'))
symlinkSync(join(root, 'fuzz', 'corpus'), join(outdir, 'fuzz', 'corpus'))
process.on('exit', () => rmSync(outdir, { recursive: true, force: true }))
await import(pathToFileURL(join(root, outdir, 'fuzz', 'run.js')).href)
