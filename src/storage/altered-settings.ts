/**
 * The settings that were changed while the store was open, in `config/settings.json`: `{ "version": 1, "settings": { NAME:
 * "VALUE" } }`. A change holds when the file says so, and for everybody at once.
 */

import { join } from 'node:path'
import { HoldfastError } from '../core/errors.js'
import { Mutex } from '../core/mutex.js'
import type { Settings } from '../core/settings.js'
import type { ConfigAlteration } from '../core/settings-altering.js'
import { type AlteredSettings, LiveSettings } from '../core/settings-live.js'
import type { Disk } from '../files/disk.js'
import { parseJson } from './data-directory.js'

export const alteredSettingsFile = 'settings.json'

const fileVersion = 1

export interface SettingsAlteration {
  readonly alterations: readonly ConfigAlteration[]
  /** What is not named is not altered any more. */
  readonly replaceAll?: boolean
  /** Check everything, change nothing. */
  readonly validateOnly?: boolean
}

export class StoredSettings {
  readonly #disk: Disk
  readonly #path: string
  readonly #live: LiveSettings
  readonly #changes = new Mutex()

  private constructor(disk: Disk, path: string, live: LiveSettings) {
    this.#disk = disk
    this.#path = path
    this.#live = live
  }

  /** @throws DATA_DIR_DAMAGED where the file cannot be understood, INVALID_SETTING where it says what does not go together */
  static async load(disk: Disk, configPath: string, base: Settings): Promise<StoredSettings> {
    const path = join(configPath, alteredSettingsFile)
    const altered = await readAltered(disk, path)
    return new StoredSettings(disk, path, liveWith(base, altered, path))
  }

  get settings(): Settings {
    return this.#live.settings
  }

  /**
   * Changes settings of the open store, all of them or none: durable when this resolves, and in force from then on.
   * @throws INVALID_SETTING, INVALID_CONFIG, INVALID_REQUEST
   */
  alter({ alterations, replaceAll, validateOnly }: SettingsAlteration): Promise<void> {
    return this.#changes.run(async () => {
      const altered = this.#live.after(alterations, replaceAll)
      if (validateOnly) return
      const text = JSON.stringify({ version: fileVersion, settings: altered }, null, 2)
      await this.#disk.replaceFile(this.#path, Buffer.from(`${text}\n`))
      this.#live.put(altered)
    })
  }
}

/** The settings of a data directory that is not opened, with what was changed in it. @throws as {@link StoredSettings.load} */
export async function withAltered(disk: Disk, path: string, base: Settings): Promise<Settings> {
  return (await StoredSettings.load(disk, join(path, 'config'), base)).settings
}

function liveWith(base: Settings, altered: AlteredSettings, path: string): LiveSettings {
  try {
    return new LiveSettings(base, altered)
  } catch (error) {
    const why = `${(error as Error).message} It was altered while the store was open, and stands in ${path}.`
    throw new HoldfastError('INVALID_SETTING', why, { cause: error })
  }
}

async function readAltered(disk: Disk, path: string): Promise<AlteredSettings> {
  const bytes = await disk.readFile(path)
  if (bytes === undefined) return {}
  const { version, settings } = parseJson(bytes, path)
  const isRecord = typeof settings === 'object' && settings !== null
  if (version === fileVersion && isRecord && Object.values(settings).every((value) => typeof value === 'string')) {
    return settings as AlteredSettings
  }
  throw new HoldfastError(
    'DATA_DIR_DAMAGED',
    `${path} is not of version ${fileVersion}. Restore it from a backup, or move it aside: then what was given at the start holds.`,
  )
}
