/**
 * Open files, few at a time: a store may hold far more segments than a process may hold descriptors. The least recently
 * used one is closed when the limit is passed, never while somebody uses it.
 */

import type { Disk, DiskFile, OpenOptions } from './disk.js'
import { Tally } from './tally.js'

interface Entry {
  readonly file: Promise<DiskFile>
  users: number
  /** Dropped from the table; closed by its last user. */
  dropped: boolean
}

export class OpenFiles {
  readonly #disk: Disk
  readonly #limit: number
  readonly #options: OpenOptions
  /** In order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>()
  /** How many work on each file, dropped or not. */
  readonly #users = new Tally()

  /** `options`: how each file is opened. */
  constructor(disk: Disk, limit: number, options: OpenOptions = { mode: 'read' }) {
    this.#disk = disk
    this.#limit = limit
    this.#options = options
  }

  /** Whether more are open than should be, since all of them are in use. */
  get isFull(): boolean {
    return this.#entries.size > this.#limit
  }

  /** Whether somebody works on the file of that name, also one that was dropped meanwhile. */
  isUsed(path: string): boolean {
    return this.#users.has(path)
  }

  /** Runs `work` on the file, which stays open until it is done. */
  async use<T>(path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(path) ?? { file: this.#disk.open(path, this.#options), users: 0, dropped: false }
    this.#entries.delete(path)
    this.#entries.set(path, entry)
    entry.users++
    this.#users.add(path)
    try {
      return await work(await entry.file)
    } catch (error) {
      // A file that did not open is tried afresh by the next reader, whose entry may already stand here.
      await entry.file.catch(() => {
        if (this.#entries.get(path) === entry) this.#entries.delete(path)
      })
      throw error
    } finally {
      entry.users--
      this.#users.remove(path)
      if (entry.dropped && entry.users === 0) await close(entry)
      await this.#shrink()
    }
  }

  /** Forgets a file, e.g. before it is removed; those who use it finish undisturbed. */
  async drop(path: string): Promise<void> {
    const entry = this.#entries.get(path)
    if (entry === undefined) return
    this.#entries.delete(path)
    entry.dropped = true
    if (entry.users === 0) await close(entry)
  }

  async dropAll(): Promise<void> {
    for (const path of [...this.#entries.keys()]) await this.drop(path)
  }

  async #shrink(): Promise<void> {
    if (this.#entries.size <= this.#limit) return
    for (const [path, entry] of this.#entries) {
      if (entry.users > 0) continue
      await this.drop(path)
      if (this.#entries.size <= this.#limit) return
    }
  }
}

async function close(entry: Entry): Promise<void> {
  // What had to be durable was synced by whoever wrote it, so that a close that fails takes nothing from anybody.
  await entry.file.then((file) => file.close()).catch(() => {})
}
