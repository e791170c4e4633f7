/**
 * A real file system on a device that has less room than it says, as thin volumes have: a write succeeds, and there is no
 * space for it when it is synced.
 */

import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newFileSystem } from '../support/block-device/file-systems.js'
import { attachLoop, detachMount, mount, unmount } from '../support/block-device/linux.js'
import { makePowerDirectory, undoneAtExit } from '../support/block-device/undoing.js'
import { mountSmallDisk, type SmallDisk } from '../support/tmpfs.js'

export class ThinDisk {
  readonly #pool: SmallDisk
  #forget = () => {}

  private constructor(pool: SmallDisk) {
    this.#pool = pool
  }

  /** The file system has 48 MiB, what lies below it half of that. */
  static async make(): Promise<ThinDisk> {
    const disk = new ThinDisk(await mountSmallDisk('24m'))
    const directory = makePowerDirectory()
    newFileSystem(directory.path, 'ext4').writeTo(disk.#at('image'))
    directory.remove()
    mkdirSync(disk.path)
    disk.mount()
    return disk
  }

  get path(): string {
    return this.#at('mounted')
  }

  mount(): void {
    const loop = attachLoop(this.#at('image'))
    try {
      mount(loop.path, this.path, 'ext4')
    } finally {
      loop.close()
    }
    this.#forget = undoneAtExit(() => detachMount(this.path))
  }

  unmount(): void {
    unmount(this.path)
    this.#forget()
  }

  /** Somebody else takes all but so many bytes of what lies below. */
  fill(leaving: number): void {
    const { bavail, bsize } = statfsSync(this.#pool.path)
    writeFileSync(this.#at('filler'), Buffer.alloc(Math.max(0, bavail * bsize - leaving)))
  }

  free(): void {
    rmSync(this.#at('filler'), { force: true })
  }

  async end(): Promise<void> {
    this.free()
    detachMount(this.path)
    this.#forget()
    await this.#pool.remove()
  }

  #at(name: string): string {
    return join(this.#pool.path, name)
  }
}
