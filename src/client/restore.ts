/** Makes a folder of a backup again, for programs. */

import { nodeDisk } from '../files/node-disk.js'
import type { Watcher } from '../storage/backup/file-copies.js'
import { type RestoreReport, restore as restoreOn } from '../storage/backup/restore.js'
import { checkName, checkOptions } from './arguments.js'

/**
 * Makes a folder of a backup that `mq.backup` or `holdfast backup` took; `open` opens it. Everything is verified before the
 * folder is there.
 * @param backup a generation, or the directory of several, the newest of which is taken
 * @param folder the folder to make; there is none yet, or an empty one
 * @throws INVALID_ARGUMENT, BACKUP_DAMAGED, DISK_FULL, DISK_FAILED, or the signal's reason
 */
export async function restore(backup: string, folder: string, options: Watcher = {}): Promise<RestoreReport> {
  checkOptions('restore', options, ['onProgress', 'signal'])
  checkName('restore', 'backup', backup)
  checkName('restore', 'folder', folder)
  return restoreOn(nodeDisk, backup, folder, options)
}
