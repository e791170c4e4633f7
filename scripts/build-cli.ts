/**
 * Puts the command into few files, `dist/cli/`: loading six hundred takes longer than everything else that a start does.
 * Whatever it finds by its own place lies two folders below the root of the package, as it does for the modules themselves.
 */

import { readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { fewFiles, thread } from './bundle.js'

const outdir = resolve(import.meta.dirname, '../dist/cli')
const chunk = 'chunk-'

for (const name of readdirSync(outdir)) if (name.startsWith(chunk)) rmSync(join(outdir, name))
await build({
  ...fewFiles,
  entryPoints: { main: 'src/cli/main.ts', 'cleaning-worker': thread },
  outdir,
  chunkNames: `${chunk}[hash]`,
})
