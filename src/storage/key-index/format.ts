/**
 * A file of the key index as bytes (docs/formats.md, "Key index"): pages of 4 KiB, each with the CRC-32C of what is
 * before it at its end, so that whatever is read is known to be what was written.
 *
 *   page 0           header
 *   filter pages     a Bloom filter in pieces; the high bits of a hash choose the piece
 *   data pages       341 entries each, sorted by hash, then by offset
 *   fence pages      the high half of the first hash of each data page, 1023 a page
 *
 * FORMAT MIGRATION. The header carries a version. A file of another version than this program writes is read by a reader
 * of its own for the version before, and written anew in this one by the next merge; a file of any other version is
 * removed, and what it covered is indexed again from the log, which is always possible: the index holds nothing that
 * the log does not. Version 1 is not read either: it did not hold the keys of the header KEYS, and would hide them.
 */

import { readInt64, writeInt64 } from '../../core/codec/int64.js'
import { crc32c } from '../../records/crc32c.js'

export const version = 2
export const pageBytes = 4096
/** The CRC takes the last four bytes. */
export const payloadBytes = pageBytes - 4

/** High half of the hash, low half, offset minus the file's base: three u32. */
export const entryBytes = 12
export const entriesPerPage = payloadBytes / entryBytes
export const fencesPerPage = payloadBytes / 4

/** An offset in a file differs from its base by at most this. */
export const maxOffsetDelta = 2 ** 32 - 1

const magic = Buffer.from('HFKEYIDX')
const topicIdBytes = 16

const at = {
  magic: 0,
  version: 8,
  topicId: 12,
  idHeaderHash: 28,
  from: 36,
  to: 44,
  base: 52,
  entries: 60,
  filterPages: 68,
  dataPages: 72,
  fencePages: 76,
} as const

/** What the entries of an index depend on beside the log: where it differs, the file says nothing about this topic. */
export interface Owner {
  readonly topicId: Buffer
  /** The hash of the name of the header that holds a message's id. */
  readonly idHeaderHash: { readonly hi: number; readonly lo: number }
}

export interface RunHeader {
  /** Every record from this offset on … */
  readonly from: number
  /** … and before this one is in the file, if it has a key or an id. */
  readonly to: number
  /** What the offsets in the entries are relative to. */
  readonly base: number
  readonly entries: number
  readonly filterPages: number
  readonly dataPages: number
  readonly fencePages: number
}

export function encodeHeader(header: RunHeader, owner: Owner): Buffer {
  const page = Buffer.alloc(pageBytes)
  magic.copy(page, at.magic)
  page.writeUInt32BE(version, at.version)
  owner.topicId.copy(page, at.topicId)
  page.writeUInt32BE(owner.idHeaderHash.hi, at.idHeaderHash)
  page.writeUInt32BE(owner.idHeaderHash.lo, at.idHeaderHash + 4)
  writeInt64(page, header.from, at.from)
  writeInt64(page, header.to, at.to)
  writeInt64(page, header.base, at.base)
  writeInt64(page, header.entries, at.entries)
  page.writeUInt32BE(header.filterPages, at.filterPages)
  page.writeUInt32BE(header.dataPages, at.dataPages)
  page.writeUInt32BE(header.fencePages, at.fencePages)
  sealPage(page, 0)
  return page
}

/** Whether the file that this header is of speaks of this topic and of these ids. */
export function belongsTo(page: Buffer, owner: Owner): boolean {
  return (
    page.subarray(at.topicId, at.topicId + topicIdBytes).equals(owner.topicId) &&
    page.readUInt32BE(at.idHeaderHash) === owner.idHeaderHash.hi &&
    page.readUInt32BE(at.idHeaderHash + 4) === owner.idHeaderHash.lo
  )
}

/** The version of the file that begins with this page, or undefined where it is no header. */
export function versionOf(page: Buffer): number | undefined {
  if (page.length < pageBytes || !isSound(page, 0) || !page.subarray(0, magic.length).equals(magic)) return undefined
  return page.readUInt32BE(at.version)
}

/** The header, or undefined where the page is none of this version, or contradicts itself. */
export function decodeHeader(page: Buffer): RunHeader | undefined {
  if (versionOf(page) !== version) return undefined
  const header: RunHeader = {
    from: readInt64(page, at.from),
    to: readInt64(page, at.to),
    base: readInt64(page, at.base),
    entries: readInt64(page, at.entries),
    filterPages: page.readUInt32BE(at.filterPages),
    dataPages: page.readUInt32BE(at.dataPages),
    fencePages: page.readUInt32BE(at.fencePages),
  }
  const { from, to, entries, filterPages, dataPages, fencePages } = header
  const fits = dataPages === pagesFor(entries, entriesPerPage) && fencePages === pagesFor(dataPages, fencesPerPage)
  return from >= 0 && from <= to && filterPages > 0 && fits ? header : undefined
}

export function pagesFor(count: number, perPage: number): number {
  return Math.ceil(count / perPage)
}

export function fileBytes({ filterPages, dataPages, fencePages }: RunHeader): number {
  return (1 + filterPages + dataPages + fencePages) * pageBytes
}

/** Puts the CRC at the end of the page that starts at `start`. */
export function sealPage(bytes: Buffer, start: number): void {
  bytes.writeUInt32BE(crc32c(bytes.subarray(start, start + payloadBytes)), start + payloadBytes)
}

export function isSound(bytes: Buffer, start: number): boolean {
  return crc32c(bytes.subarray(start, start + payloadBytes)) === bytes.readUInt32BE(start + payloadBytes)
}

const suffix = '.keys'

export interface RunName {
  readonly from: number
  readonly to: number
  /** Of two files over the same range the one of the greater generation was made from what compaction had left. */
  readonly generation: number
}

export function runFileName(from: number, to: number, generation = 0): string {
  const range = `${String(from).padStart(20, '0')}-${String(to).padStart(20, '0')}`
  return `${range}${generation === 0 ? '' : `.${generation}`}${suffix}`
}

/** What a file's name says; undefined for any other name. */
export function parseRunFileName(name: string): RunName | undefined {
  const match = /^(\d{20})-(\d{20})(?:\.(\d{1,9}))?\.keys$/.exec(name)
  if (match === null) return undefined
  const [from, to, generation] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && from <= to ? { from, to, generation } : undefined
}
