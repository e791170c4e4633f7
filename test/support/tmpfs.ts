/** A file system of a few megabytes, for tests of a full or read-only disk. Needs root on Linux. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'

/** For the `skip` option of a test: false, or why it is skipped. Tried, since root in a container often may not mount. */
export function withoutTmpfs(): string | false {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-mount-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path]).status === 0
  if (mounted) spawnSync('umount', [path])
  rmSync(path, { recursive: true, force: true })
  if (mounted) return false
  const line = 'SKIPPED: a small tmpfs cannot be mounted here; it needs root on Linux.'
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
