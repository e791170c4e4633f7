/** Checks the files of the key indexes: every page against its CRC, the header against the file, the order of the entries. */

import { join } from 'node:path'
import type { Disk, DiskFile } from '../../files/disk.js'
import {
  decodeHeader,
  entriesPerPage,
  entryBytes,
  fileBytes,
  isSound,
  pageBytes,
  parseRunFileName,
  type RunHeader,
  type RunName,
  versionOf,
} from '../key-index/format.js'
import { compareHashes } from '../key-index/hash.js'
import { indexPathOf } from '../key-indexes.js'
import type { Findings } from './findings.js'
import { withFile } from './open-file.js'

const pagesAtOnce = 256
/** Held fewer keys: see `format.ts`. */
const retiredVersion = 1

export async function checkKeyIndexes(disk: Disk, dataPath: string, findings: Findings): Promise<void> {
  const root = indexPathOf(dataPath)
  for (const { name: directory, isDirectory } of (await disk.list(root)) ?? []) {
    const path = join(root, directory)
    if (!isDirectory) {
      findings.add('foreign-file', path, 'It does not belong into index/')
      continue
    }
    for (const { name } of (await disk.list(path)) ?? []) {
      const range = parseRunFileName(name)
      if (range === undefined) findings.add('leftover', join(path, name), 'It is no finished file of a key index')
      else await checkRun(disk, join(path, name), range, findings)
    }
  }
}

async function checkRun(disk: Disk, path: string, range: RunName, findings: Findings): Promise<void> {
  const wrong = await withFile(disk, path, async (file, size) => {
    const page = Buffer.alloc(pageBytes)
    const isRead = (await file.read(page, 0)) === pageBytes
    if (isRead && versionOf(page) === retiredVersion) {
      findings.add('leftover', path, `It is of version ${retiredVersion}, and the next start builds it anew`)
      return undefined
    }
    const header = isRead ? decodeHeader(page) : undefined
    if (header === undefined) return 'Its header cannot be understood'
    if (header.from !== range.from || header.to !== range.to) return 'Its header says another range than its name'
    if (size !== fileBytes(header)) return `It has ${size} bytes, and its header says ${fileBytes(header)}`
    return wrongPage(file, header)
  })
  if (wrong !== undefined) findings.add('key-index-wrong', path, wrong)
}

async function wrongPage(file: DiskFile, header: RunHeader): Promise<string | undefined> {
  const pages = fileBytes(header) / pageBytes
  const firstOfEntries = 1 + header.filterPages
  let last = { hi: 0, lo: 0, offset: -1 }
  for (let first = 0; first < pages; first += pagesAtOnce) {
    const bytes = Buffer.allocUnsafe(Math.min(pagesAtOnce, pages - first) * pageBytes)
    if ((await file.read(bytes, first * pageBytes)) < bytes.length) return 'It ends early'
    for (let at = 0; at < bytes.length; at += pageBytes) {
      const page = first + at / pageBytes
      if (!isSound(bytes, at)) return `Page ${page} fails its CRC`
      const dataPage = page - firstOfEntries
      if (dataPage < 0 || dataPage >= header.dataPages) continue
      const count = Math.min(entriesPerPage, header.entries - dataPage * entriesPerPage)
      for (let entry = 0; entry < count; entry++) {
        const next = entryAt(bytes, at + entry * entryBytes, header.base)
        const order = compareHashes(last.hi, last.lo, next.hi, next.lo)
        const isInOrder = order < 0 || (order === 0 && last.offset <= next.offset)
        if (!isInOrder || next.offset < header.from || next.offset >= header.to) return `Page ${page} is out of order`
        last = next
      }
    }
  }
  return undefined
}

function entryAt(bytes: Buffer, at: number, base: number): { hi: number; lo: number; offset: number } {
  return { hi: bytes.readUInt32BE(at), lo: bytes.readUInt32BE(at + 4), offset: base + bytes.readUInt32BE(at + 8) }
}
