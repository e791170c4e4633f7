/**
 * Holds the key index against the messages of the commit log, both in their order: every key of every message is there,
 * and every entry leads to a message with a key of that hash.
 */

import { basename, join } from 'node:path'
import type { Disk } from '../../../files/disk.js'
import {
  decodeIndexHeader,
  headerBehind,
  type IndexHeader,
  type IndexShape,
  indexEntryPlace,
  indexFileBytes,
  indexHash,
  indexHeaderBytes,
  isIndexFileName,
} from '../../commitlog/index-format.js'
import type { Findings } from '../findings.js'
import { orRefused, sizeOf, withFile } from '../open-file.js'
import { IndexCursor, type ReadableIndexFile } from './index-cursor.js'
import type { LogBounds } from './queue-check.js'

/** A message as the index sees it. */
export interface IndexedMessage {
  readonly position: number
  readonly storeTimestamp: number
  /** Java's hashes of its keys. */
  readonly keyHashes: readonly number[]
  /** How many of these, the last ones, an index of RocketMQ's making may lack. */
  readonly lateHashes: number
  /** Of messages of deleted topics nothing has to be there, and may be. */
  readonly isDue: boolean
}

interface Missing {
  count: number
  readonly firstPosition: number
  lastPosition: number
}

export class IndexCheck {
  readonly #directory: string
  readonly #shape: IndexShape
  readonly #findings: Findings
  readonly #cursor: IndexCursor
  readonly #log: LogBounds
  readonly #hasFiles: boolean
  /** Hashes of the entries that lead to the message that is being looked at. */
  #seen: number[] = []
  #seenAt = -1
  #lastPosition = -1
  #missing: Missing | undefined
  #missingLate = 0

  private constructor(
    { disk, directory, shape }: { disk: Disk; directory: string; shape: IndexShape },
    files: readonly ReadableIndexFile[],
    log: LogBounds,
    findings: Findings,
  ) {
    this.#directory = directory
    this.#shape = shape
    this.#findings = findings
    this.#log = log
    this.#hasFiles = files.length > 0
    this.#cursor = new IndexCursor(disk, files, shape, findings)
  }

  static async open(
    place: { disk: Disk; directory: string; shape: IndexShape; clean: boolean },
    log: LogBounds,
    findings: Findings,
  ): Promise<IndexCheck> {
    const { disk, directory, shape, clean } = place
    const names: string[] = []
    for (const { name, isDirectory } of (await disk.list(directory)) ?? []) {
      if (isIndexFileName(name) && !isDirectory) names.push(name)
      else findings.add('foreign-file', join(directory, name), 'It is no file of the key index')
    }
    const files: ReadableIndexFile[] = []
    for (const name of names.sort()) {
      const path = join(directory, name)
      const header = await orRefused(
        () => readHeader(disk, path, shape, files.at(-1)?.header),
        (why) => why,
      )
      if (header === undefined) findings.add('leftover', path, 'It was made for what comes next, and holds nothing')
      else if (typeof header === 'string') findings.add('message-index-wrong', path, header)
      else files.push({ path, header, hasChains: clean || header.next >= shape.entries })
    }
    return new IndexCheck(place, files, log, findings)
  }

  /** The next message that has keys. False where it has to be told again, when more entries are loaded. */
  take(message: IndexedMessage): boolean {
    const { position, keyHashes, lateHashes, isDue } = message
    const cursor = this.#cursor
    if (this.#seenAt !== position) {
      this.#seenAt = position
      this.#seen = []
    }
    while (!cursor.isAtEnd) {
      if (cursor.mustLoad) return false
      if (cursor.position > position && this.#isPlausible()) break
      if (cursor.position === position) this.#compare(message)
      else this.#passStray()
      cursor.next()
    }
    if (!isDue) return true
    for (const [i, hash] of keyHashes.entries()) {
      if (this.#seen.includes(indexHash(hash))) continue
      if (i < keyHashes.length - lateHashes) this.#miss(position)
      else this.#missingLate++
    }
    return true
  }

  load(): Promise<void> {
    return this.#cursor.load()
  }

  /** A damaged entry that leads far away must not hide those behind it. */
  #isPlausible(): boolean {
    const { isSound, position, file } = this.#cursor
    return isSound && position <= file.header.endPosition
  }

  #compare({ position, storeTimestamp, keyHashes }: IndexedMessage): void {
    const { keyHash, number } = this.#cursor
    this.#seen.push(keyHash)
    this.#lastPosition = position
    if (position >= this.#log.settled) return
    if (!keyHashes.some((hash) => indexHash(hash) === keyHash)) {
      this.#wrong(`Entry ${number} says hash ${keyHash}, which no key of the message at ${position} has`)
    }
    this.#compareTimes(storeTimestamp)
  }

  #compareTimes(storeTimestamp: number): void {
    const { number, seconds, file } = this.#cursor
    const { beginTimestamp, endTimestamp, next } = file.header
    const timestamp = beginTimestamp + seconds * 1000
    if (number === next - 1 && file.hasChains && endTimestamp !== storeTimestamp) {
      this.#wrong(
        `The header says that the last message was stored at ${endTimestamp}, and it was at ${storeTimestamp}`,
      )
    }
    // RocketMQ counts the seconds of the first one from the end of the file before.
    const isRight =
      number === 1
        ? beginTimestamp === storeTimestamp
        : beginTimestamp <= 0 || (timestamp <= storeTimestamp && storeTimestamp < timestamp + 1000)
    if (isRight) return
    this.#wrong(
      `Entry ${number} says ${seconds} s after ${beginTimestamp}, and the message was stored at ${storeTimestamp}`,
    )
  }

  #passStray(): void {
    const { position, number, isSound } = this.#cursor
    if (position >= this.#log.settled) return
    if (!isSound) this.#wrong(`Entry ${number} cannot be one`)
    else if (position >= this.#log.start && !this.#log.isDamaged(position)) {
      this.#wrong(`Entry ${number} leads to position ${position}, where no message with a key begins`)
    }
  }

  #wrong(what: string): void {
    const { file, number } = this.#cursor
    this.#findings.add('message-index-wrong', file.path, what, { position: indexEntryPlace(this.#shape, number) })
  }

  #miss(position: number): void {
    this.#missing ??= { count: 0, firstPosition: position, lastPosition: position }
    this.#missing.count++
    this.#missing.lastPosition = position
  }

  /**
   * When the whole log has been seen.
   * @param end where the log ends
   */
  async finish(end: number): Promise<void> {
    const { settled } = this.#log
    const cursor = this.#cursor
    for (;;) {
      if (cursor.mustLoad) await cursor.load()
      if (cursor.isAtEnd) break
      if (cursor.position < end) this.#passStray()
      else this.#wrong(`Entry ${cursor.number} leads to position ${cursor.position}, behind the end of the commit log`)
      cursor.next()
    }
    this.#reportMissing(Math.min(end, settled))
    if (this.#missingLate === 0 || this.#missing !== undefined || !this.#hasFiles || settled < end) return
    const what = `It lacks ${this.#missingLate} tags, or keys that are no properties: an older RocketMQ made it`
    this.#findings.add('message-index-behind', this.#directory, what, { severity: 'note' })
  }

  #reportMissing(settled: number): void {
    if (this.#missing === undefined || this.#missing.firstPosition >= settled) return
    const { count, firstPosition, lastPosition } = this.#missing
    const what = `It lacks ${count} keys of messages from position ${firstPosition} to ${lastPosition}`
    if (!this.#hasFiles) this.#findings.add('message-index-behind', this.#directory, `There is none: ${what}`)
    else if (firstPosition > this.#lastPosition) this.#findings.add('message-index-behind', this.#directory, what)
    else this.#findings.add('message-index-wrong', this.#directory, what)
  }
}

/** The header; in words what is wrong with the file; undefined of an empty one. */
async function readHeader(
  disk: Disk,
  path: string,
  shape: IndexShape,
  previous: IndexHeader | undefined,
): Promise<IndexHeader | string | undefined> {
  const [size, wanted] = [await sizeOf(disk, path), indexFileBytes(shape)]
  if (size === 0) return undefined
  if (size !== wanted) return `It has ${size} bytes, where max.hash.slot.num and max.index.num make ${wanted}`
  const bytes = Buffer.alloc(indexHeaderBytes)
  await withFile(disk, path, (file) => file.read(bytes, 0))
  const header = decodeIndexHeader(bytes, shape)
  if (header === undefined) return 'Its header cannot be one'
  if (header.next === 1) return headerBehind(previous)
  const isInOrder = previous === undefined || header.beginPosition >= previous.endPosition
  return isInOrder ? header : `${basename(path)} begins before the file before it ends`
}
