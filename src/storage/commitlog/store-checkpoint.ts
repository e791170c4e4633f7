/**
 * Two small files of a store: `checkpoint`, the times up to which its parts are on the disk, and `abort`, which is there
 * from the start to a clean end.
 *
 * Source: Apache RocketMQ 5.3, StoreCheckpoint and DefaultMessageStore; docs/formats.md, "RocketMQ's layout". RocketMQ
 * writes the checkpoint in place; here it is replaced, so that a crash leaves an old one or a new one.
 */

import { join } from 'node:path'
import { readInt64, writeInt64 } from '../../core/codec/int64.js'
import type { Disk } from '../../files/disk.js'
import { checkpointAt, checkpointBytes, storeNames } from './format.js'

/** The name of each field is that of its place in `checkpointAt`. Times are in ms since 1970. */
export type StoreCheckpoint = { readonly [Field in keyof typeof checkpointAt]: number }

const fields = Object.keys(checkpointAt) as readonly (keyof StoreCheckpoint)[]

/** RocketMQ dispatches without waiting for the disk; messages this much older than the checkpoint are surely in their queues. */
const marginMs = 3000

export function encodeStoreCheckpoint(checkpoint: StoreCheckpoint): Buffer {
  const bytes = Buffer.alloc(checkpointBytes)
  for (const field of fields) writeInt64(bytes, checkpoint[field], checkpointAt[field])
  return bytes
}

/** Undefined where there is none, or one that a crash left before it was written: then all of the commit log is read. */
export async function readStoreCheckpoint(disk: Disk, storeDirectory: string): Promise<StoreCheckpoint | undefined> {
  const bytes = await disk.readFile(join(storeDirectory, storeNames.checkpoint))
  if (bytes === undefined || bytes.length < checkpointBytes) return undefined
  return Object.fromEntries(fields.map((field) => [field, readInt64(bytes, checkpointAt[field])])) as StoreCheckpoint
}

/** Durable when it resolves. */
export function writeStoreCheckpoint(disk: Disk, storeDirectory: string, checkpoint: StoreCheckpoint): Promise<void> {
  return disk.replaceFile(join(storeDirectory, storeNames.checkpoint), encodeStoreCheckpoint(checkpoint))
}

/** Messages that were stored at this time, ms since 1970, or before it need not be dispatched again after an unclean end. */
export function recoveryTimestamp({ physicTimestamp, logicsTimestamp }: StoreCheckpoint): number {
  return Math.max(0, Math.min(physicTimestamp, logicsTimestamp) - marginMs)
}

/** Whether the last who wrote to the store closed it; of a new one it is true. */
export async function wasStoreClosedCleanly(disk: Disk, storeDirectory: string): Promise<boolean> {
  return (await disk.stat(join(storeDirectory, storeNames.abort))) === undefined
}

/** Before anything is written to the store. Durable when it resolves. */
export function markStoreInUse(disk: Disk, storeDirectory: string, pid: number): Promise<void> {
  return disk.replaceFile(join(storeDirectory, storeNames.abort), Buffer.from(String(pid)))
}

/** After everything is durable, consume queues too: RocketMQ trusts those of a store that was closed. */
export async function markStoreClosed(disk: Disk, storeDirectory: string): Promise<void> {
  await disk.remove(join(storeDirectory, storeNames.abort))
  await disk.syncDirectory(storeDirectory)
}
