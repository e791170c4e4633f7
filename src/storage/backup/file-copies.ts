/** Copies files durably, by the kernel where it can, telling how far it got. */

import type { Disk } from '../../files/disk.js'

export interface BackupProgress {
  readonly doing: 'copying' | 'verifying'
  readonly doneBytes: number
  readonly totalBytes: number
}

/** Where a long work tells how far it got, and hears that it is to end. */
export interface Watcher {
  readonly onProgress?: (progress: BackupProgress) => void
  readonly signal?: AbortSignal
}

export interface FileCopy {
  readonly from: string
  readonly to: string
  /** How many bytes are copied. */
  readonly sizeInBytes: number
  /** The length that the copy gets, where zeros follow what is copied; they take up no space. */
  readonly fileBytes?: number
}

/** One step: what is copied between two looks at the signal. */
const pieceBytes = 32 * 1024 * 1024

/** The names are durable after a sync of the directories of the targets. @throws the signal's reason */
export async function copyFiles(disk: Disk, copies: readonly FileCopy[], watcher: Watcher): Promise<void> {
  const totalBytes = copies.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
  let doneBytes = 0
  for (const copy of copies) {
    await copyFile(disk, copy, (bytes) => {
      doneBytes += bytes
      watcher.onProgress?.({ doing: 'copying', doneBytes, totalBytes })
      watcher.signal?.throwIfAborted()
    })
  }
}

async function copyFile(disk: Disk, { from, to, sizeInBytes, fileBytes }: FileCopy, copied: (bytes: number) => void) {
  const source = await disk.open(from, { mode: 'read' })
  try {
    const target = await disk.open(to, { mode: 'create' })
    try {
      for (let at = 0; at < sizeInBytes; at += pieceBytes) {
        const bytes = Math.min(pieceBytes, sizeInBytes - at)
        await disk.copyRange(source, at, target, at, bytes)
        copied(bytes)
      }
      if (fileBytes !== undefined) await target.truncate(fileBytes)
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}
