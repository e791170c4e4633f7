/**
 * The program in few files instead of some six hundred, whose loading is half of what a start costs: who kills a broker a
 * thousand times mostly waits for it to come back. The sources, the packages and what they do are the same.
 */

import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { holdfast, repository } from '../support/served-broker.js'

/** Where it finds its packages; several may run at once. */
const home = join(repository, `node_modules/.cache/holdfast-bundled-${process.pid}`)
/** Found beside the chunk that starts it. */
const worker = 'storage/segments/compaction/cleaning-worker'

/** Bundles the sources as they are now. */
export async function bundleProgram(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const cli = join(home, 'dist')
  await build({
    absWorkingDir: repository,
    entryPoints: ['src/cli/main.ts', `src/${worker}.ts`],
    outbase: 'src',
    outdir: cli,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  })
  await writeFile(join(cli, 'cleaning-worker.js'), `import './${worker}.js'\n`)
  await copyFile(join(repository, 'package.json'), join(home, 'package.json'))
  const path = join(home, 'bin/holdfast')
  await mkdir(join(home, 'bin'))
  await copyFile(holdfast, path)
  return { path, remove: () => rm(home, { recursive: true, force: true }) }
}
