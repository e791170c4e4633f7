/**
 * Bundles the console's pages into `dist/console/pages/`: `index.html` and what it names, each file with a hash of its
 * content in its name, so that browsers may keep them. Nothing in them is fetched from another address.
 */

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type BuildOptions, build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const from = join(root, 'console')
const to = join(root, 'dist/console/pages')

rmSync(to, { recursive: true, force: true })
mkdirSync(to, { recursive: true })

const common = {
  bundle: true,
  minify: true,
  target: ['chrome123', 'firefox121', 'safari17.5'],
  entryNames: '[name]-[hash]',
  outdir: to,
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
} satisfies BuildOptions

const results = await Promise.all([
  build({
    ...common,
    entryPoints: { console: join(from, 'main.tsx') },
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
  }),
  build({ ...common, entryPoints: { console: join(from, 'styles/console.css') } }),
  build({ ...common, entryPoints: { 'early-theme': join(from, 'app/early-theme.ts') }, format: 'iife' }),
])

let page = readFileSync(join(from, 'index.html'), 'utf8')
for (const { metafile } of results) {
  for (const output of Object.keys(metafile.outputs)) {
    const name = basename(output)
    page = page.replace(`"${name.replace(/-[A-Z0-9]{8}(?=\.)/, '')}"`, `"${name}"`)
  }
}
writeFileSync(join(to, 'index.html'), page)
copyFileSync(join(from, 'icon.svg'), join(to, 'icon.svg'))
