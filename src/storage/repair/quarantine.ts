/**
 * Where a repair puts what it takes out of a data directory: beside the log, never inside it, where Kafka would take it
 * for something of its own. Everything keeps its path relative to the data directory, and a page says what was done.
 */

import { dirname, join, relative } from 'node:path'
import type { Disk, DiskFile } from '../../files/disk.js'
import { errnoOf } from '../../files/disk-error.js'
import { withFile } from '../inspect/open-file.js'

export class Quarantine {
  readonly #disk: Disk
  readonly #root: string
  /** The directory of this repair. */
  readonly path: string
  #isMade = false

  /** @param root what paths are relative to: the data directory, or the directory that holds a log.dir without one */
  constructor(disk: Disk, root: string, nowMs: number) {
    this.#disk = disk
    this.#root = root
    const time = new Date(nowMs).toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '')
    this.path = join(root, 'quarantine', time)
  }

  /** Where a file or directory goes. */
  placeOf(path: string): string {
    return join(this.path, relative(this.#root, path))
  }

  /** Makes the directory, with a page that says what is about to be done; durable before anything is. */
  async open(page: string): Promise<void> {
    await this.#disk.makeDirectory(this.path)
    await this.#disk.replaceFile(join(this.path, 'README.txt'), Buffer.from(page))
    this.#isMade = true
  }

  get isOpen(): boolean {
    return this.#isMade
  }

  /** Moves a file, or a directory with all that is in it. */
  async take(path: string): Promise<void> {
    const target = await this.#freePlace(path)
    try {
      await this.#disk.rename(path, target)
    } catch (error) {
      // The log may lie on another file system.
      if (errnoOf((error as Error).cause) !== 'EXDEV') throw error
      await this.#copy(path, target)
      await this.#disk.remove(path)
    }
    await this.#disk.syncDirectory(dirname(target))
    await this.#disk.syncDirectory(dirname(path))
  }

  /** Keeps a copy of a file that is written over. Nothing happens where there is none. */
  async copy(path: string): Promise<void> {
    const bytes = await this.#disk.readFile(path)
    if (bytes !== undefined) await this.#disk.replaceFile(await this.#freePlace(path), bytes)
  }

  /** Keeps the bytes of [from, to) of a file that is about to lose or change them. */
  async keepBytes(path: string, from: number, to: number): Promise<void> {
    const target = await this.#freePlace(`${path}.bytes-${from}-to-${to}`)
    await withFile(this.#disk, path, (file) => this.#copyBytes(file, from, to, target))
    await this.#disk.syncDirectory(dirname(target))
  }

  async #freePlace(path: string): Promise<string> {
    const target = this.placeOf(path)
    await this.#disk.makeDirectory(dirname(target))
    const taken = new Set((await this.#disk.list(dirname(target)))?.map(({ name }) => join(dirname(target), name)))
    let free = target
    for (let count = 2; taken.has(free); count++) free = `${target}.${count}`
    return free
  }

  async #copy(path: string, target: string): Promise<void> {
    const entries = await this.#disk.list(path).catch(() => undefined)
    if (entries === undefined) {
      await withFile(this.#disk, path, (file, size) => this.#copyBytes(file, 0, size, target))
      return
    }
    await this.#disk.makeDirectory(target)
    for (const { name } of entries) await this.#copy(join(path, name), join(target, name))
    await this.#disk.syncDirectory(target)
  }

  async #copyBytes(from: DiskFile, start: number, end: number, target: string): Promise<void> {
    const to = await this.#disk.open(target, { mode: 'create' })
    try {
      await this.#disk.copyRange(from, start, to, 0, end - start)
      await to.sync()
    } finally {
      await to.close()
    }
  }
}
