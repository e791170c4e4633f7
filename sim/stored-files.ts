/** What a simulated disk stores, as plain bytes, and a disk made of such: to harm a file, or to keep a state of many. */

import { join } from 'node:path'
import { MemoryDisk } from './memory-disk.js'

/** Path → bytes. */
export type Files = ReadonlyMap<string, Buffer>

/** All files below `path`. */
export async function filesOf(disk: MemoryDisk, path: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const { name, isDirectory } of (await disk.list(path)) ?? []) {
    const inside = join(path, name)
    if (isDirectory) for (const [file, bytes] of await filesOf(disk, inside)) files.set(file, bytes)
    else files.set(inside, (await disk.readFile(inside)) as Buffer)
  }
  return files
}

export async function diskWith(files: Files): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  for (const [path, bytes] of files) {
    await disk.makeDirectory(join(path, '..'))
    await disk.replaceFile(path, bytes)
  }
  return disk
}

/** `files` with one of them replaced, or gone. */
export function withFile(files: Files, path: string, bytes: Buffer | undefined): Files {
  const changed = new Map(files)
  if (bytes === undefined) changed.delete(path)
  else changed.set(path, bytes)
  return changed
}
