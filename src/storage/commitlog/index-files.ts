/** The files of a key index in their order: opened, begun, cut and removed. Calls do not overlap, but for `begin`. */

import { OpenFiles } from '../../files/open-files.js'
import { IndexFile, IndexReader } from './index-file.js'
import { encodeIndexHeader, headerBehind, indexEntryBytes, indexEntryPlace, indexFileName } from './index-format.js'
import { findIndexFiles, type IndexPlace, moveAside } from './index-loading.js'
import { firstEntryFrom, readIndexSlots, relinkIndexFile } from './index-relinking.js'
import { type FoundSlots, IndexTail } from './index-tail.js'
import { candidateOf } from './index-walk.js'

/** Open for reading at a time. */
const mostOpen = 16

export class IndexFiles {
  readonly #place: IndexPlace
  readonly #pieceEntries: number | undefined
  readonly #open: OpenFiles
  #files: IndexFile[] = []
  #damage: string | undefined

  constructor(place: IndexPlace, pieceEntries: number | undefined) {
    this.#place = place
    this.#pieceEntries = pieceEntries
    this.#open = new OpenFiles(place.disk, mostOpen)
  }

  /** Oldest first. */
  get list(): readonly IndexFile[] {
    return this.#files
  }

  get last(): IndexFile | undefined {
    return this.#files.at(-1)
  }

  readerOf(file: IndexFile): IndexReader {
    return new IndexReader(file, this.#place.shape, this.#open)
  }

  /** Why the index has to be built again; undefined where nothing is missing. */
  get damage(): string | undefined {
    return this.#damage
  }

  /** @param isClean whether the last one who wrote here has closed it */
  async load(isClean: boolean): Promise<void> {
    const { disk, directory } = this.#place
    if ((await disk.list(directory)) === undefined) await disk.makeDirectory(directory)
    const { files, damage } = await findIndexFiles(this.#place)
    this.#files = files
    this.#damage = damage
    await this.#openTail(isClean)
  }

  /** Opens what the files hold durably, after a write of them failed. */
  async reload(): Promise<void> {
    for (const file of this.#files) {
      // Who searches it finds no more than the files hold.
      file.isGone = true
      await this.#closeTail(file).catch(() => {})
    }
    await this.#open.dropAll()
    this.#files = []
    await this.load(false)
  }

  /** A new file behind the others; it is made when its tail is first written. */
  begin(nowMs: number): IndexTail {
    const { directory } = this.#place
    const { last } = this
    const file = new IndexFile(directory, indexFileName(nowMs, last?.name), headerBehind(last?.header))
    file.tail = this.#tailOf(file)
    this.#files.push(file)
    return file.tail
  }

  /**
   * Makes the broken chains of a file anew that takes no entries any more; they are durable when it is flushed. Where its
   * entries are damaged it stays as it is.
   */
  async mend(file: IndexFile): Promise<void> {
    const { logger } = this.#place
    const found = await this.#slotsOf(file, false)
    if (found === undefined) {
      file.state = 'damaged'
      this.#damage ??= damagedEntries(file)
      logger.warn({ path: file.path }, 'The entries of a key index file are damaged; the index has to be rebuilt.')
      return
    }
    file.state = 'sound'
    file.tail = this.#tailOf(file, found)
    logger.info({ path: file.path }, 'The chains of a key index file were made anew from its entries.')
  }

  /** Removes files from the oldest on that end before `position` and take no entries any more, never the last. */
  async removeBefore(position: number): Promise<void> {
    let removed = 0
    while (removed < this.#files.length - 1) {
      const { header, tail } = this.#files[removed]
      if (tail !== undefined || header.endPosition >= position) break
      removed++
    }
    for (const file of this.#files.splice(0, removed)) await this.#remove(file)
  }

  /** Removes what leads to `position` or behind it. What was added before must be flushed, and nothing is added meanwhile. */
  async truncateFrom(position: number): Promise<void> {
    let { last } = this
    while (last !== undefined && last.header.beginPosition >= position) {
      await this.#removeLast(last)
      last = this.last
    }
    if (last === undefined || last.header.endPosition < position) return
    await this.#closeTail(last)
    await this.#cut(last, position)
    await this.#openTail(false)
  }

  /** How many entries, from the newest back, lead to the same message. */
  async entriesOfLastMessage(): Promise<number> {
    const end = this.last?.header.endPosition
    let count = 0
    for (const file of [...this.#files].reverse()) {
      const reader = this.readerOf(file)
      for (let entry = file.header.next - 1; entry > 0; entry--) {
        const { position } = candidateOf(await reader.entry(entry), entry, file.header)
        if (position !== end) return count
        count++
      }
    }
    return count
  }

  /** Removes all files, the newest first: a crash in between leaves an index that ends earlier. */
  async clear(): Promise<void> {
    for (let { last } = this; last !== undefined; last = this.last) await this.#removeLast(last)
    this.#damage = undefined
  }

  async close(): Promise<void> {
    for (const file of this.#files) await this.#closeTail(file)
    await this.#open.dropAll()
  }

  #tailOf({ path, header }: IndexFile, found?: FoundSlots): IndexTail {
    const { disk, shape } = this.#place
    return new IndexTail({ disk, path, shape, header, found, pieceEntries: this.#pieceEntries })
  }

  async #openTail(isClean: boolean): Promise<void> {
    const { last } = this
    const { shape } = this.#place
    if (last === undefined || (isClean && last.header.next >= shape.entries)) return
    const found = await this.#slotsOf(last, isClean)
    if (found !== undefined) {
      last.tail = this.#tailOf(last, found)
      return
    }
    const why = damagedEntries(last)
    await moveAside(this.#place, last.name, why)
    this.#files.pop()
    this.#damage ??= why
  }

  /** Undefined where the entries are damaged. */
  async #slotsOf({ path, header }: IndexFile, isClean: boolean): Promise<FoundSlots | undefined> {
    const { disk, shape, logger } = this.#place
    const file = await disk.open(path, { mode: 'write' })
    try {
      const written = isClean ? await readIndexSlots(file, header, shape) : undefined
      if (written !== undefined) return { table: written, isWritten: true }
      if (isClean)
        logger.warn({ path }, 'The slots of a key index file were damaged; they are made anew from its entries.')
      const table = await relinkIndexFile(file, header, shape)
      return table && { table, isWritten: false }
    } finally {
      await file.close()
    }
  }

  async #closeTail(file: IndexFile): Promise<void> {
    const { tail } = file
    file.tail = undefined
    await tail?.close()
  }

  /** Lets a file end before `position`. Its header is durable before anything can be written over what was cut off. */
  async #cut({ path, header }: IndexFile, position: number): Promise<void> {
    const { disk, shape } = this.#place
    const file = await disk.open(path, { mode: 'write' })
    try {
      header.next = await firstEntryFrom(file, header, shape, position)
      const newest = Buffer.alloc(indexEntryBytes)
      await file.read(newest, indexEntryPlace(shape, header.next - 1))
      const { position: end, latest } = candidateOf(newest, header.next - 1, header)
      header.endPosition = end
      header.endTimestamp = Math.min(header.endTimestamp, latest)
      await file.write([encodeIndexHeader(header)], 0)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  async #removeLast(file: IndexFile): Promise<void> {
    this.#files.pop()
    await this.#remove(file)
  }

  async #remove(file: IndexFile): Promise<void> {
    const { disk, directory } = this.#place
    file.isGone = true
    await this.#closeTail(file)
    await this.#open.drop(file.path)
    await disk.remove(file.path)
    await disk.syncDirectory(directory)
  }
}

function damagedEntries({ name }: IndexFile): string {
  return `${name} holds entries that cannot be ones.`
}
