/**
 * Lets a file be shortened that somebody may have borrowed: a mapping whose file loses its end would end the process that
 * touches it.
 */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { segmentFileName, suffix } from './format.js'
import type { SharedTables } from './segment-place.js'

/** What is being written beside a file; a start clears it away. */
const aside = '.tmp'

/** Where readers hold the file of a segment, a copy takes its name, and they read on in the old one. Nobody writes it. */
export async function giveUpBorrowed(
  disk: Disk,
  { maps, openFiles }: Pick<SharedTables, 'maps' | 'openFiles'>,
  directory: string,
  baseOffset: number,
): Promise<void> {
  const path = join(directory, segmentFileName(baseOffset, suffix.log))
  if (!maps.isBorrowed(path)) return
  const from = await disk.open(path, { mode: 'read' })
  try {
    const to = await disk.open(path + aside, { mode: 'create' })
    try {
      await disk.copyRange(from, 0, to, 0, await from.size())
      await to.sync()
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
  maps.drop(path)
  await openFiles.drop(path)
  await disk.rename(path + aside, path)
  await disk.syncDirectory(directory)
}
