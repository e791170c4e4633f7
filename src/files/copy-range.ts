/** Bytes from one file into another, inside the kernel where it can, else through a buffer of bounded size. */

import { HoldfastError } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import type { DiskFile } from './disk.js'
import { libc } from './libc.js'
import { NodeFile } from './node-file.js'

/** What one call to the kernel copies: a thread of the pool is held for as long as that takes. */
const kernelPieceBytes = 8 * 1_048_576
const bufferBytes = 1_048_576

export async function copyRange(
  from: DiskFile,
  fromPosition: number,
  to: DiskFile,
  toPosition: number,
  length: number,
): Promise<void> {
  invariant(from instanceof NodeFile && to instanceof NodeFile, 'copyRange gets files of its own disk')
  const isOverlapping = from.path === to.path && Math.abs(fromPosition - toPosition) < length
  invariant(!isOverlapping, 'a range is copied to a place of its own')
  let copied = 0
  try {
    copied = await copyInKernel(from, fromPosition, to, toPosition, length)
    const buffer = Buffer.allocUnsafe(Math.min(bufferBytes, length - copied))
    while (copied < length) {
      const count = await from.read(buffer.subarray(0, length - copied), fromPosition + copied)
      if (count === 0) {
        throw new HoldfastError(
          'DISK_FAILED',
          `Could not copy ${length} bytes from ${from.path}: it ends ${length - copied} bytes early.`,
        )
      }
      await to.write([buffer.subarray(0, count)], toPosition + copied)
      copied += count
    }
  } finally {
    to.changedBeside(toPosition, toPosition + length)
  }
}

/**
 * The bytes copied, perhaps fewer than asked for. Whatever stops it (two file systems, an old kernel,
 * the end of the file, a full disk), the way through the buffer meets it again and can name it.
 */
async function copyInKernel(
  from: NodeFile,
  fromPosition: number,
  to: NodeFile,
  toPosition: number,
  length: number,
): Promise<number> {
  const system = libc()
  let copied = 0
  while (system !== undefined && copied < length) {
    const piece = Math.min(kernelPieceBytes, length - copied)
    const count = await system
      .copyRange(from.fd, fromPosition + copied, to.fd, toPosition + copied, piece)
      .catch(() => 0)
    if (count === 0) break
    copied += count
  }
  return copied
}
