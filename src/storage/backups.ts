/** The backups of a store that are being taken: each while no topic is being changed, and all waited for when it closes. */

import { type BackupOptions, type BackupReport, backUp, type StoreToBackUp } from './backup/store-backup.js'

export class Backups {
  readonly #store: StoreToBackUp
  readonly #closing: AbortSignal
  readonly #running = new Set<Promise<BackupReport>>()

  /** @param closing ends those that run */
  constructor(store: StoreToBackUp, closing: AbortSignal) {
    this.#store = store
    this.#closing = closing
  }

  /** See {@link backUp}, which says what it throws. */
  async take(target: string, options: BackupOptions): Promise<BackupReport> {
    const signal = AbortSignal.any([this.#closing, ...(options.signal === undefined ? [] : [options.signal])])
    const running = backUp(this.#store, target, { ...options, signal })
    this.#running.add(running)
    return running.finally(() => this.#running.delete(running))
  }

  /** Resolves when none runs any more. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#running)
  }
}
