/** What the operating system allows this process, and what file system a directory lies on: read from Linux's /proc. */

import { resolve } from 'node:path'
import type { Disk } from '../files/disk.js'

export interface FileSystem {
  /** As the kernel calls it, e.g. "ext4". */
  readonly type: string
  readonly mountPoint: string
}

/** null where the platform does not tell. Infinity where there is no limit. */
export interface HostFacts {
  readonly openFilesLimit: number | null
  readonly memoryLockLimitBytes: number | null
  readonly fileSystem: FileSystem | null
}

/** Never fails. @param pid of another process whose limits are meant */
export async function hostFacts(directory: string, disk: Disk, pid?: number): Promise<HostFacts> {
  const process = `/proc/${pid ?? 'self'}`
  const [limits, mounts] = await Promise.all([textOf(disk, `${process}/limits`), textOf(disk, `${process}/mounts`)])
  return {
    openFilesLimit: limitIn(limits, 'Max open files'),
    memoryLockLimitBytes: limitIn(limits, 'Max locked memory'),
    fileSystem: fileSystemOf(mounts, resolve(directory)),
  }
}

async function textOf(disk: Disk, path: string): Promise<string> {
  const bytes = await disk.readFile(path).catch(() => undefined)
  return bytes?.toString('utf8') ?? ''
}

/** The soft limit of a line of /proc/self/limits: the name, the soft limit, the hard one, the unit. */
export function limitIn(text: string, name: string): number | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith(name))
  const soft = line?.slice(name.length).trim().split(/\s+/)[0]
  if (soft === undefined) return null
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

/** The mount that a path lies on, in the format of fstab(5): the longest mount point above it, and the last of those. */
export function fileSystemOf(mounts: string, path: string): FileSystem | null {
  let best: FileSystem | null = null
  for (const line of mounts.split('\n')) {
    const [, point, type] = line.split(' ')
    if (type === undefined) continue
    // Space, tab, newline and backslash are written as octal numbers.
    const mountPoint = point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const isAbove = mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`)
    if (isAbove && mountPoint.length >= (best?.mountPoint.length ?? 0)) best = { type, mountPoint }
  }
  return best
}
