/**
 * Takes the end of a commit log away that is closed: what another copy of it does not have. Queues and index are made anew
 * by the opening that follows, since what is known of producers at the cut is written nowhere but in the log.
 *
 * The store is marked as in use and its snapshot replaced first, by one that counts on nothing behind the cut; so a crash at
 * any step leaves a store that the next opening reads from its first file on, and that ends anywhere behind the cut.
 */

import { join } from 'node:path'
import { cutFiles } from './commit-log-writer.js'
import { FileSequence } from './file-sequence.js'
import { storeNames } from './format.js'
import type { CommitLogOptions } from './opening.js'
import { fileDropper } from './opening.js'
import { type QueueSnapshot, snapshotForCopy } from './snapshot.js'
import { markStoreInUse } from './store-checkpoint.js'

export type ClosedStore = Pick<CommitLogOptions, 'disk' | 'directory' | 'snapshotPath' | 'tables' | 'settings'>

/** `queues`: where each of them ends before `end`. Durable when this resolves. */
export async function cutClosedStore(
  { disk, directory, snapshotPath, tables, settings }: ClosedStore,
  end: number,
  queues: readonly QueueSnapshot[],
): Promise<void> {
  await markStoreInUse(disk, directory, process.pid)
  await disk.replaceFile(snapshotPath, snapshotForCopy({ position: end, storeTimestamp: 0, lastPosition: -1, queues }))
  const files = await FileSequence.open({
    disk,
    directory: join(directory, storeNames.commitLog),
    fileBytes: settings['mapped.file.size.commitlog'],
    setting: 'mapped.file.size.commitlog',
    extendShortLast: false,
  })
  await cutFiles(files, { place: { disk }, dropFile: fileDropper(tables) }, end)
}
