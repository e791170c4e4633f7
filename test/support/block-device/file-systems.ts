/** New file systems, and whether this machine can have them under a disk of ours. */

import { spawnSync } from 'node:child_process'
import { accessSync, closeSync, constants, ftruncateSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Image } from './image.js'
import { mountImage } from './image-mount.js'
import type { FileSystemKind } from './linux.js'
import { makePowerDirectory } from './undoing.js'

const mib = 1024 * 1024
/** The least that mkfs.xfs takes is 300 MiB. */
const imageBytes: Readonly<Record<FileSystemKind, number>> = { ext4: 48 * mib, xfs: 320 * mib }
const makers: Readonly<Record<FileSystemKind, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
  xfs: ['mkfs.xfs', '-q', '-f'],
}

/** An empty file system. */
export function newFileSystem(directory: string, kind: FileSystemKind): Image {
  const file = join(directory, `new-${kind}`)
  const created = openSync(file, 'w')
  ftruncateSync(created, imageBytes[kind])
  closeSync(created)
  const [program, ...args] = makers[kind]
  const { status, stderr } = spawnSync(program, [...args, file], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
  const image = Image.ofFile(file)
  rmSync(file)
  return image
}

/** For the `skip` option of a test: false, or why a file system of that kind cannot be had here. */
export function withoutFileSystem(kind: FileSystemKind): string | false {
  const why = whyNot(kind)
  if (why === undefined) return false
  const line = `SKIPPED: no ${kind} on a loop device here: ${why}`
  console.error(`\n!!! ${line}\n`)
  return line
}

/** The same for one on a disk that is recorded. */
export function withoutRecordedDisk(kind: FileSystemKind): string | false {
  const why = spawnSync('nbdfuse', ['--version']).error ?? unopened('/dev/fuse')
  if (why === undefined) return withoutFileSystem(kind)
  const line = `SKIPPED: no disk of our own here: ${why.message}; .ci/run installs libnbd-bin and fuse3, and root is needed.`
  console.error(`\n!!! ${line}\n`)
  return line
}

function unopened(path: string): Error | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** Tried, since root in a container often may not mount. */
function whyNot(kind: FileSystemKind): string | undefined {
  if (process.platform !== 'linux') return 'it is not Linux'
  const missing = unopened('/dev/loop-control') ?? unopened('/dev/shm')
  if (missing !== undefined) return missing.message
  const directory = makePowerDirectory()
  try {
    mountImage(directory.path, newFileSystem(directory.path, kind), kind).end()
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    directory.remove()
  }
}
