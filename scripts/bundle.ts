/**
 * Sources, and what they need of ours, as a few files of plain JavaScript. Some six hundred modules, each translated as it is
 * loaded, cost a process two seconds of a processor before its first line runs; like this they cost a tenth of that. Packages
 * stay where they are.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type BuildOptions, build, type Loader, type Plugin } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
/** Below `node_modules`, whose packages are found from there. */
const cache = join(root, 'node_modules/.cache')

/** The one source that starts a file beside itself as a thread, and that file. */
const starter = 'src/storage/segments/compaction/run-cleaning.ts'
export const thread = 'src/storage/segments/compaction/cleaning-worker.ts'

/** How sources become a few files for Node. */
export const fewFiles = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'error',
} as const satisfies BuildOptions

export interface Bundle {
  readonly directory: string
  /** What became of one of the sources that were asked for. */
  pathOf(source: string): string
}

/** Makes it of sources, named from the root of the repository; it is there until this process ends. */
export async function bundle(sources: readonly string[]): Promise<Bundle> {
  mkdirSync(cache, { recursive: true })
  const directory = mkdtempSync(join(cache, 'bundle-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const pathOf = (source: string) => join(directory, source.replace(/\.ts$/, '.js'))
  await build({
    ...fewFiles,
    entryPoints: [...sources, thread],
    outbase: '.',
    outdir: directory,
    plugins: [ownPlaces((path) => (path === starter ? pathOf(path) : join(root, path)))],
  })
  return { directory, pathOf }
}

/** Lets each source find what lies beside it: its place stays what it was, wherever its code has gone. */
function ownPlaces(placeOf: (path: string) => string): Plugin {
  return {
    name: 'own-places',
    setup({ onLoad }) {
      onLoad({ filter: /\.tsx?$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8')
        if (!text.includes('import.meta')) return undefined
        const filename = placeOf(relative(root, path))
        const place = { filename, dirname: dirname(filename), url: pathToFileURL(filename).href }
        // On the first line, so that all lines keep their numbers.
        const told = `const ownPlace = { ...${JSON.stringify(place)}, resolve: import.meta.resolve }; `
        return { contents: told + text.replaceAll('import.meta', 'ownPlace'), loader: extname(path).slice(1) as Loader }
      })
    },
  }
}
