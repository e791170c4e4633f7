/** How much lies in index files, by kind: looked at once a minute, since there may be many. */

import { join } from 'node:path'
import type { Disk } from '../files/disk.js'
import type { Chore } from './chores.js'
import { indexKinds } from './file-kinds.js'

const intervalMs = 60_000

export class IndexSizes {
  readonly #disk: Disk
  readonly #paths: readonly string[]
  readonly #kindOf: (path: string) => string
  #sizes: ReadonlyMap<string, number> = new Map()

  /** @param paths of the directories that are looked through, none inside another */
  constructor(disk: Disk, paths: readonly string[], kindOf: (path: string) => string) {
    this.#disk = disk
    this.#paths = paths
    this.#kindOf = kindOf
  }

  /** Bytes by kind, as of the last look. */
  get byKind(): ReadonlyMap<string, number> {
    return this.#sizes
  }

  chore(): Chore {
    const run = async (signal: AbortSignal): Promise<void> => {
      const sizes = new Map<string, number>()
      for (const path of this.#paths) await this.#look(path, sizes, signal)
      if (!signal.aborted) this.#sizes = sizes
    }
    return { name: 'index sizes', intervalMs, firstAfterMs: 0, run }
  }

  async #look(directory: string, sizes: Map<string, number>, signal: AbortSignal): Promise<void> {
    for (const { name, isDirectory } of (await this.#disk.list(directory)) ?? []) {
      if (signal.aborted) return
      const path = join(directory, name)
      if (isDirectory) {
        await this.#look(path, sizes, signal)
        continue
      }
      const kind = this.#kindOf(path)
      if (!indexKinds.has(kind)) continue
      const stat = await this.#disk.stat(path)
      sizes.set(kind, (sizes.get(kind) ?? 0) + (stat?.sizeInBytes ?? 0))
    }
  }
}
