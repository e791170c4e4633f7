/**
 * The pages: files that were built with the package, read once when the server starts. What is served is what was found
 * there then, by its exact path, so no path leads anywhere else.
 */

import { createHash } from 'node:crypto'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Disk } from '../files/disk.js'
import type { ConsoleContext } from './context.js'

interface Page {
  readonly bytes: Buffer
  readonly type: string
  readonly tag: string
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
}

const mostFiles = 200
const mostPageBytes = 8 * 1024 * 1024

/** Beside the compiled program, whether that or its source runs. */
export const pagesDirectory = fileURLToPath(new URL('../../dist/console/pages/', import.meta.url))

const missing =
  '<!doctype html><html lang="en"><title>Holdfast</title><p>The pages of the console were not built: npm run build makes them. The API answers under /api/.'

export type Pages = ReadonlyMap<string, Page>

/** By their paths as a browser asks for them. */
export async function loadPages(disk: Disk, directory = pagesDirectory): Promise<Pages> {
  const pages = new Map<string, Page>()
  await loadInto(pages, disk, directory, '/')
  if (!pages.has('/index.html')) pages.set('/index.html', pageOf(Buffer.from(missing), '.html'))
  return pages
}

async function loadInto(pages: Map<string, Page>, disk: Disk, directory: string, prefix: string): Promise<void> {
  for (const { name, isDirectory } of (await disk.list(directory)) ?? []) {
    const path = join(directory, name)
    if (isDirectory) {
      await loadInto(pages, disk, path, `${prefix}${name}/`)
      continue
    }
    const extension = extname(name)
    const bytes = types[extension] === undefined || pages.size >= mostFiles ? undefined : await disk.readFile(path)
    if (bytes !== undefined && bytes.length <= mostPageBytes) pages.set(prefix + name, pageOf(bytes, extension))
  }
}

function pageOf(bytes: Buffer, extension: string): Page {
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  return { bytes, type: types[extension], tag }
}

/**
 * The page at a path, or undefined where there is none. Paths that are no file are places inside the console, which its
 * script knows.
 */
export function answerWithPage(c: ConsoleContext, pages: Pages): Response | undefined {
  const { path, method } = c.req
  if (path.startsWith('/api/') || (method !== 'GET' && method !== 'HEAD')) return undefined
  const page = pages.get(path) ?? (extname(path) === '' ? pages.get('/index.html') : undefined)
  return page && answer(c, page)
}

function answer(c: ConsoleContext, { bytes, type, tag }: Page): Response {
  const headers = { 'content-type': type, etag: tag, 'cache-control': 'no-cache' }
  if (c.req.header('if-none-match') === tag) return c.body(null, 304, headers)
  return c.body(new Uint8Array(bytes), 200, headers)
}
