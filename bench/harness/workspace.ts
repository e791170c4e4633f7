/** Fresh directories on the disk that is measured. */

import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface FreshDirectory {
  readonly path: string
  remove(): Promise<void>
}

export class Workspace {
  readonly path: string
  #made = 0

  private constructor(path: string) {
    this.path = path
  }

  /** In `parent`, which decides what disk is measured. However the process ends, short of SIGKILL, it is removed. */
  static async make(parent: string): Promise<Workspace> {
    await mkdir(parent, { recursive: true })
    const workspace = new Workspace(await mkdtemp(join(parent, 'holdfast-bench-')))
    process.once('exit', () => rmSync(workspace.path, { recursive: true, force: true }))
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
    return workspace
  }

  async directory(): Promise<FreshDirectory> {
    const path = join(this.path, String(this.#made++))
    await mkdir(path)
    return { path, remove: () => rm(path, { recursive: true, force: true }) }
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true })
  }
}
