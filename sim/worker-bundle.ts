/**
 * The worker of the simulator and all it needs of the sources, as one file of JavaScript. Compiled module by module, by what
 * also gives each function its name again whenever it is made, the same worlds take longer.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')

/** Makes it, in the repository, where packages are found from, until this process ends; where it is. */
export async function bundleWorker(): Promise<string> {
  const directory = mkdtempSync(join(root, '.sim-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'worker.mjs')
  await build({
    entryPoints: [join(root, 'sim/worker.ts')],
    outfile: path,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
  })
  return path
}
