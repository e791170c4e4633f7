/** Names of which it is known that they are on the disk. */

import type { Disk } from './disk.js'

/**
 * Runs `make`, which makes a name in a directory and syncs that directory. Where a sync that somebody else asked for has failed
 * meanwhile, it may have given up the name, whatever the one of `make` says (`Disk.failedSyncs`): then the attempt is undone and
 * made again.
 * @throws what `make` throws, and then `undo` is not called; what `undo` throws
 */
export async function makeSurely<T>(
  disk: Pick<Disk, 'failedSyncs'>,
  directory: string,
  make: () => Promise<T>,
  undo: (made: T) => Promise<void> = async () => {},
): Promise<T> {
  for (;;) {
    const before = disk.failedSyncs(directory)
    const made = await make()
    if (disk.failedSyncs(directory) === before) return made
    await undo(made)
  }
}
