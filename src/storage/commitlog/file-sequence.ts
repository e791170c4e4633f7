/**
 * A directory of files of one fixed size, each named by the position of its first byte: the commit log, and every
 * consume queue. RocketMQ refuses a directory in which one file has another size or a name that is no position, so
 * nothing else is ever put here, and nothing is mended here that it could not open.
 *
 * Source of the layout: Apache RocketMQ 5.3, MappedFileQueue; docs/formats.md, "RocketMQ's layout".
 */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { mapParallel } from '../../core/parallel.js'
import type { Disk } from '../../files/disk.js'
import { isOutOfDescriptors } from '../../files/disk-error.js'
import { makeSurely } from '../../files/sure-names.js'
import { positionFileName, positionOfFileName } from './format.js'

const parallelStats = 16

export interface FileSequenceOptions {
  readonly disk: Disk
  readonly directory: string
  /** The length of every file. */
  readonly fileBytes: number
  /** Where `fileBytes` is set, for whoever reads an error. */
  readonly setting: 'mapped.file.size.commitlog' | 'mapped.file.size.consumequeue'
  /**
   * Whether a last file that is too short gets its full length. A crash between cutting a file and growing it again
   * leaves one, so: yes where the store was not closed cleanly. Else it is refused as of a wrong size.
   */
  readonly extendShortLast: boolean
}

/** What opening came upon. */
export interface SequenceFindings {
  /** The last file held no byte and was removed; the first of them where there were several. */
  readonly removedEmpty?: string
  /** The last file was short and got its full length. */
  readonly extended?: { readonly path: string; readonly fromBytes: number }
  /** Positions [from, to) between two files that lie in none. */
  readonly holes: readonly { readonly from: number; readonly to: number }[]
}

/** A file of the sequence, and the place in it that belongs to a position. */
export interface SequencePlace {
  readonly path: string
  /** The position of the file's first byte. */
  readonly start: number
  readonly offsetInFile: number
}

interface FoundFile {
  readonly path: string
  readonly name: string
  readonly start: number
  readonly sizeInBytes: number
}

export class FileSequence {
  readonly fileBytes: number
  readonly directory: string
  readonly findings: SequenceFindings
  readonly #disk: Disk
  #starts: number[]
  /** A file whose making failed, so that it may be there or not. */
  #begun: number | undefined
  /** Files that were removed, but for a sync that failed: no later one says that they are gone. */
  readonly #unsure = new Set<number>()

  private constructor(options: FileSequenceOptions, starts: number[], findings: SequenceFindings) {
    this.#disk = options.disk
    this.directory = options.directory
    this.fileBytes = options.fileBytes
    this.#starts = starts
    this.findings = findings
  }

  /**
   * Lists the directory, which may be missing. 0-byte files at the end are removed, a short last one extended where the
   * options say so, sub-directories are skipped; before anything is touched, all that is refused is.
   * @throws DATA_DIR_DAMAGED for a file of a wrong size, and for one whose name is no position of a file of this size
   */
  static async open(options: FileSequenceOptions): Promise<FileSequence> {
    const { disk, directory, fileBytes } = options
    invariant(Number.isSafeInteger(fileBytes) && fileBytes > 0, 'files have a length of at least one byte')
    const files = await listed(disk, directory)
    const filled = files.findLastIndex(({ sizeInBytes }) => sizeInBytes > 0) + 1
    const whole = files.slice(0, filled)
    const empty = files.slice(filled)
    const last = whole.at(-1)
    const isShort = last !== undefined && options.extendShortLast && last.sizeInBytes < fileBytes
    refuseWrongSizes(whole, isShort ? whole.slice(0, -1) : whole, options)
    refuseWrongPositions(files, fileBytes)
    for (const { path } of empty.toReversed()) await disk.remove(path)
    if (empty.length > 0) await disk.syncDirectory(directory)
    if (isShort) await setLength(disk, last.path, fileBytes)
    return new FileSequence(
      options,
      whole.map(({ start }) => start),
      {
        ...(empty.length > 0 && { removedEmpty: empty[0].path }),
        ...(isShort && { extended: { path: last.path, fromBytes: last.sizeInBytes } }),
        holes: holesBetween(whole, fileBytes),
      },
    )
  }

  /** Of a directory that is known to be missing or empty. */
  static empty(options: FileSequenceOptions): FileSequence {
    return new FileSequence(options, [], { holes: [] })
  }

  /** The position of each file's first byte, ascending. */
  get starts(): readonly number[] {
    return this.#starts
  }

  /** Where the first file begins; undefined where there is none. */
  get first(): number | undefined {
    return this.#starts[0]
  }

  /** Where the last file begins; undefined where there is none. */
  get last(): number | undefined {
    return this.#starts.at(-1)
  }

  /** Behind the last byte of the last file; 0 where there is none. */
  get end(): number {
    return this.last === undefined ? 0 : this.last + this.fileBytes
  }

  /** The start of the file that `position` belongs to, whether there is one or not. */
  startFor(position: number): number {
    return position - (position % this.fileBytes)
  }

  /** The path of the file that starts at `start`. */
  pathOf(start: number): string {
    return join(this.directory, positionFileName(start))
  }

  /** Undefined where no file holds `position`. */
  locate(position: number): SequencePlace | undefined {
    const start = this.startFor(position)
    return this.#has(start) ? { path: this.pathOf(start), start, offsetInFile: position - start } : undefined
  }

  /**
   * Makes the file that starts at `start`, sparse and at its full length: the next one, or any where there is none yet.
   * Length and name are durable when this resolves, unless `durably` is false; they are then after a sync of the file and
   * of the directory, and before that a crash may leave a file that is empty or short. Returns its path.
   *
   * What an attempt that failed has left is removed first: of a name whose sync failed no later sync says that it is there.
   */
  async create(start: number, { durably = true }: { durably?: boolean } = {}): Promise<string> {
    invariant(
      start >= 0 && start % this.fileBytes === 0,
      `a file of ${this.directory} starts at a multiple of its size`,
    )
    invariant(this.last === undefined || start === this.end, `the files of ${this.directory} follow each other`)
    if (this.last === undefined) await this.#disk.makeDirectory(this.directory)
    await this.removeBegun()
    const path = this.pathOf(start)
    const begin = async (): Promise<void> => {
      this.#begun = start
      await setLength(this.#disk, path, this.fileBytes, durably)
    }
    const make = () => begin().then(() => this.#disk.syncDirectory(this.directory))
    await (durably ? makeSurely(this.#disk, this.directory, make, () => this.removeBegun()) : begin())
    this.#begun = undefined
    this.#starts.push(start)
    return path
  }

  /**
   * Leaves no byte in the files that begin at `position` or behind it, durably, the newest first: whatever lies before one
   * that holds messages still is as it was. From then on it does not matter whether their removal is durable. The oldest
   * file of all stays as it is.
   * @param letGo called before each of them
   */
  async emptyFrom(position: number, letGo: (path: string) => Promise<void>): Promise<void> {
    if (this.#begun !== undefined) await this.#empty(this.#begun)
    for (const start of this.#starts.slice(1).reverse()) {
      if (start < position) return
      await letGo(this.pathOf(start))
      await this.#empty(start)
    }
  }

  /** Removes what is left of a file whose making failed, durably. */
  async removeBegun(): Promise<void> {
    if (this.#begun === undefined) return
    await this.#empty(this.#begun)
    await this.#remove(this.#begun)
    this.#begun = undefined
  }

  /**
   * Removes the oldest file, durably, so that a crash in a row of removals leaves no hole; false where there is none, or
   * only the last one, which goes only where `evenLast` says so. Nobody uses it any more, or holds it open already. False
   * too, until the next start, once the sync of a removal failed: that file may come back, before a hole.
   */
  async removeFirst({ evenLast = false }: { evenLast?: boolean } = {}): Promise<boolean> {
    if (this.#starts.length < (evenLast ? 1 : 2)) return false
    if (this.#unsure.has(this.#starts[0])) return false
    await this.#remove(this.#starts[0])
    this.#starts.shift()
    return true
  }

  /** Removes the newest file, durably; false where there is none. */
  async removeLast(): Promise<boolean> {
    const { last } = this
    if (last === undefined) return false
    await this.#remove(last)
    this.#starts.pop()
    return true
  }

  async #empty(start: number): Promise<void> {
    const path = this.pathOf(start)
    if ((await this.#disk.stat(path)) !== undefined) await setLength(this.#disk, path, 0)
  }

  async #remove(start: number): Promise<void> {
    const path = this.pathOf(start)
    // So that there is something to remove, of which the next sync says that it is gone.
    if (this.#unsure.has(start)) await setLength(this.#disk, path, 0)
    await this.#disk.remove(path)
    await this.#disk.syncDirectory(this.directory).catch((error: unknown) => {
      if (!isOutOfDescriptors(error)) this.#unsure.add(start)
      throw error
    })
    this.#unsure.delete(start)
  }

  #has(start: number): boolean {
    const { first, last } = this
    if (first === undefined || last === undefined || start < first || start > last) return false
    const index = (start - first) / this.fileBytes
    // Where there is no hole the index follows from the position.
    return this.#starts[index] === start || this.#starts.includes(start)
  }
}

/** The files by position. @throws DATA_DIR_DAMAGED where a name is none */
async function listed(disk: Disk, directory: string): Promise<FoundFile[]> {
  const names = ((await disk.list(directory)) ?? []).filter(({ isDirectory }) => !isDirectory).map(({ name }) => name)
  const files = await mapParallel(names, parallelStats, async (name) => {
    const path = join(directory, name)
    const start = positionOfFileName(name)
    if (start === undefined) throw stray(path, 'its name is not a position in 20 digits')
    return { path, name, start, sizeInBytes: (await disk.stat(path))?.sizeInBytes ?? 0 }
  })
  return files.sort((one, other) => one.start - other.start)
}

function stray(path: string, why: string): HoldfastError {
  return new HoldfastError('DATA_DIR_DAMAGED', `${path} does not belong where it lies: ${why}. Move it elsewhere.`)
}

function refuseWrongSizes(
  all: readonly FoundFile[],
  whole: readonly FoundFile[],
  { fileBytes, setting, directory }: FileSequenceOptions,
): void {
  const wrong = whole.find(({ sizeInBytes }) => sizeInBytes !== fileBytes)
  if (wrong === undefined) return
  const { path, sizeInBytes } = wrong
  throw new HoldfastError(
    'DATA_DIR_DAMAGED',
    `${path} has ${sizeInBytes} bytes, and ${setting} is ${fileBytes}. ${cureOf(all, sizeInBytes, setting, directory)}`,
  )
}

/** Files that agree were written with another setting; one alone may as well have been cut. */
function cureOf(files: readonly FoundFile[], sizeInBytes: number, setting: string, directory: string): string {
  const doAllAgree = sizeInBytes > 0 && files.every((file) => file.sizeInBytes === sizeInBytes)
  if (!doAllAgree) return `Set ${setting} to the size that the files were written with, or restore this one.`
  if (files.length > 1) {
    return `${directory} is opened with another size than all its files were written with. Set ${setting} to ${sizeInBytes}.`
  }
  return `If it was written with another size, set ${setting} to ${sizeInBytes}; else the file was cut, and has to be restored.`
}

function refuseWrongPositions(files: readonly FoundFile[], fileBytes: number): void {
  const wrong = files.find(({ start }) => start % fileBytes !== 0)
  if (wrong !== undefined) throw stray(wrong.path, `its name is no multiple of the size of the files, ${fileBytes}`)
}

function holesBetween(files: readonly FoundFile[], fileBytes: number): { from: number; to: number }[] {
  return files.flatMap(({ start }, i) => {
    const from = i === 0 ? start : files[i - 1].start + fileBytes
    return from < start ? [{ from, to: start }] : []
  })
}

/** Makes the file where there is none. Its length is durable afterwards, or after a sync where `durably` is false. */
async function setLength(disk: Disk, path: string, length: number, durably = true): Promise<void> {
  const file = await disk.open(path, { mode: 'create' })
  try {
    if (durably) await file.truncate(length)
    else await file.write([Buffer.alloc(1)], length - 1)
  } finally {
    await file.close()
  }
}
