/**
 * Bundles the console's pages into `dist/console/pages/`: `index.html` and what it names, each file with a hash of its
 * content in its name, so that browsers may keep them. Nothing in them is fetched from another address.
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

// What is bundled is handed on, and its licenses ask to go with it.
const packages = new Set(
  results.flatMap(({ metafile }) =>
    Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  ),
)
const licenses = [...packages].sort().map((name) => {
  const path = join(root, 'node_modules', name, 'LICENSE')
  if (!existsSync(path)) throw new Error(`${name} is bundled, but ${path} is not there.`)
  return `${name}\n\n${readFileSync(path, 'utf8').trim()}\n`
})
writeFileSync(join(to, 'LICENSES.txt'), licenses.join('\n\n'))
