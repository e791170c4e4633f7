/**
 * How long the device takes to make a small write durable: overwrites of one page, each with O_DSYNC, then each followed by
 * fdatasync, and plain ones beside them, whose difference is what the device itself took. It writes a few hundred KiB into
 * a file of its own and takes it away again.
 */

import { join } from 'node:path'
import type { Clock } from '../core/clock.js'
import type { Disk, DiskFile } from '../files/disk.js'

export interface DeviceProbe {
  readonly directory: string
  /** Measurements of each kind. */
  readonly writes: number
  /** Medians. */
  readonly plainMs: number
  /** A write on an O_DSYNC descriptor; null where the platform has none. */
  readonly dsyncMs: number | null
  /** A write and fdatasync. */
  readonly syncMs: number
  /** The slowest of all durable ones. */
  readonly worstMs: number
}

export interface ProbeOptions {
  readonly disk: Disk
  readonly clock: Clock
  /** Of each kind; 32 where absent. */
  readonly writes?: number
  /** A slow device is not asked for longer than this; a second where absent. */
  readonly longestMs?: number
}

/** Own files never lie in `log/` or `store/`, so the name needs no thought of others. */
export const probeFileName = 'device-probe.tmp'
const pageBytes = 4096
const pages = 32
const leastWrites = 3

/** A durable small write as the store makes it. */
export function durableMs({ dsyncMs, syncMs }: DeviceProbe): number {
  return dsyncMs ?? syncMs
}

/** Probes the device under `directory`, which is there. @throws DISK_FULL, DATA_DIR_READ_ONLY, DISK_FAILED */
export async function probeDevice(directory: string, options: ProbeOptions): Promise<DeviceProbe> {
  const { disk } = options
  const path = join(directory, probeFileName)
  await disk.remove(path)
  try {
    const plain = await onFile(disk, path, false, (file) => measure(file, options, false))
    const synced = await onFile(disk, path, false, (file) => measure(file, options, true))
    const dsynced = disk.supportsDsync
      ? await onFile(disk, path, true, (file) => measure(file, options, false))
      : undefined
    return {
      directory,
      writes: Math.min(plain.length, synced.length, dsynced?.length ?? plain.length),
      plainMs: medianOf(plain),
      dsyncMs: dsynced === undefined ? null : medianOf(dsynced),
      syncMs: medianOf(synced),
      worstMs: Math.max(...synced, ...(dsynced ?? [])),
    }
  } finally {
    await disk.remove(path)
  }
}

async function onFile<T>(disk: Disk, path: string, dsync: boolean, work: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path, { mode: 'create', dsync })
  try {
    // Overwrites of blocks that are there, as the store's own writes are: the journal of the file system stays out of it.
    await file.prepare(0, pages * pageBytes, 'zero')
    return await work(file)
  } finally {
    await file.close()
  }
}

/** Durations in ms. */
async function measure(file: DiskFile, options: ProbeOptions, sync: boolean): Promise<number[]> {
  const { clock, writes = 32, longestMs = 1000 } = options
  const page = Buffer.alloc(pageBytes, 0x48)
  const until = clock.monotonic() + longestMs
  const durations: number[] = []
  while (durations.length < writes && (durations.length < leastWrites || clock.monotonic() < until)) {
    const begun = clock.monotonic()
    await file.write([page], (durations.length % pages) * pageBytes)
    if (sync) await file.sync()
    durations.push(clock.monotonic() - begun)
  }
  return durations
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
