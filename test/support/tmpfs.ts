/** A file system of a few megabytes, for tests of a full or read-only disk. Needs root on Linux. */

import { spawnSync } from 'node:child_process'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'

export function withoutTmpfs(): string | false {
  if (process.platform === 'linux' && process.getuid?.() === 0) return false
  const line = 'SKIPPED: mounting a small tmpfs needs root on Linux.'
  console.error(`\n!!! ${line}\n`)
  return line
}

export interface SmallDisk {
  readonly path: string
  /** e.g. "remount,ro" */
  remount(options: string): void
  remove(): Promise<void>
}

export async function mountSmallDisk(size: string): Promise<SmallDisk> {
  const directory = await makeTemporaryDirectory('holdfast-tmpfs-')
  const { path } = directory
  const run = (program: string, ...args: string[]) => {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  }
  run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path)
  return {
    path,
    remount: (options) => run('mount', '-o', options, path),
    async remove() {
      run('umount', path)
      await directory.remove()
    },
  }
}
