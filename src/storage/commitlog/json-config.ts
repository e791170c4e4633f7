/**
 * One of the files `store/config/*.json`, with the version before it beside it as `.bak`. A file is read, changed and
 * written again whole, so what this program knows nothing of stays in it.
 *
 * Source: Apache RocketMQ 5.3, ConfigManager; docs/formats.md, "RocketMQ's layout". A file that cannot be read while
 * there is no `.bak` that can is refused here, where the original would start empty and write over it.
 */

import { dirname } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import { Mutex } from '../../core/mutex.js'
import type { Disk } from '../../files/disk.js'
import { formatJson, type JsonObject, parseLenientJson } from './lenient-json.js'

export class JsonConfig {
  readonly path: string
  /** What the file holds, to be changed by who is about to `save`; empty where there was no file. */
  readonly root: JsonObject
  /** Why the `.bak` was read in place of the file; undefined where it was not. */
  readonly restoredBecause: string | undefined
  readonly #disk: Disk
  readonly #saving = new Mutex()
  /** A file that is missing or broken must not take the place of its `.bak`. */
  #isFileSound: boolean

  private constructor(disk: Disk, path: string, { root, restoredBecause, isFileSound }: Found) {
    this.#disk = disk
    this.path = path
    this.root = root
    this.restoredBecause = restoredBecause
    this.#isFileSound = isFileSound
  }

  /** @throws DATA_DIR_DAMAGED where the file, or its `.bak` that would have to stand in for it, is no JSON object */
  static async open(disk: Disk, path: string): Promise<JsonConfig> {
    return new JsonConfig(disk, path, await find(disk, path))
  }

  /**
   * Raises the file's version and writes it; the one before becomes the `.bak`. Durable when it resolves. `nowMs`: what
   * the version says of its time, ms since 1970.
   */
  save(nowMs: number): Promise<void> {
    return this.#saving.run(async () => {
      raiseVersion(this.root, nowMs)
      const bytes = Buffer.from(formatJson(this.root))
      if (this.#isFileSound) {
        await this.#disk.rename(this.path, `${this.path}.bak`)
        this.#isFileSound = false
        await this.#disk.syncDirectory(dirname(this.path))
      } else await this.#disk.makeDirectory(dirname(this.path))
      await this.#disk.replaceFile(this.path, bytes)
      this.#isFileSound = true
    })
  }
}

interface Found {
  readonly root: JsonObject
  readonly restoredBecause?: string
  readonly isFileSound: boolean
}

async function find(disk: Disk, path: string): Promise<Found> {
  const file = await read(disk, path)
  if (file instanceof Map) return { root: file, isFileSound: true }
  const backup = await read(disk, `${path}.bak`)
  if (backup instanceof Map)
    return { root: backup, restoredBecause: file ?? 'it is missing or empty', isFileSound: false }
  const wrong = file !== undefined ? [path, file] : backup !== undefined ? [`${path}.bak`, backup] : undefined
  if (wrong === undefined) return { root: new Map(), isFileSound: false }
  throw new HoldfastError(
    'DATA_DIR_DAMAGED',
    `${wrong[0]} cannot be read: ${wrong[1]}, and there is nothing beside it to go back to. Mend it, or move it elsewhere to begin without it.`,
  )
}

/** The object in the file, or why there is none; undefined where the file is missing or empty. */
async function read(disk: Disk, path: string): Promise<JsonObject | string | undefined> {
  const text = (await disk.readFile(path))?.toString('utf8').trim() ?? ''
  if (text === '') return undefined
  try {
    const value = parseLenientJson(text)
    return value instanceof Map ? value : 'it holds no object'
  } catch (error) {
    if (error instanceof SyntaxError) return error.message
    throw error
  }
}

/** By the counter a broker's copies of these files know which is newer. */
function raiseVersion(root: JsonObject, nowMs: number): void {
  const found = root.get('dataVersion')
  const version: JsonObject = found instanceof Map ? found : new Map()
  const counter = version.get('counter')
  version.set('counter', typeof counter === 'number' || typeof counter === 'bigint' ? Number(counter) + 1 : 1)
  if (!version.has('stateVersion')) version.set('stateVersion', 0)
  version.set('timestamp', nowMs)
  root.set('dataVersion', version)
}
