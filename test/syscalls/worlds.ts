/** The ways to keep messages whose system calls fail: both layouts and engines, all policies and all ways to prepare files. */

import type { SettingsInput } from '../../src/core/settings.js'
import type { World } from '../power/world.js'

const mib = 1024 * 1024

/** Small files, so that a short life has a little of all that happens between two of them. */
const smallFiles = {
  'log.segment.bytes': mib,
  'offsets.topic.segment.bytes': mib,
  'mapped.file.size.commitlog': 128 * 1024,
  'mapped.file.size.consumequeue': 1000,
  'max.hash.slot.num': 100,
  'max.index.num': 400,
  // An index that is soon full ends its segment.
  'log.index.interval.bytes': 200,
  'log.index.size.max.bytes': 96,
  'log.cleaner.dedupe.buffer.size': mib,
  'log.cleaner.min.cleanable.ratio': 0.1,
  // Whoever waits for a disk longer than this is told so.
  'flush.commitlog.timeout': 1500,
  'disk.watermark.delete.ratio': 100,
  'disk.watermark.refuse.ratio': 100,
  'disk.space.clean.forcibly.ratio': 100,
  'disk.max.used.space.ratio': 100,
} as const satisfies SettingsInput

const choices = {
  segments: { 'storage.layout': 'segments' },
  'segments-zero': { 'storage.layout': 'segments', 'file.preallocate': 'zero', 'log.index.size.max.bytes': 600 },
  'segments-mmap': { 'storage.layout': 'segments', 'file.engine': 'mmap', 'file.preallocate': 'fallocate' },
  'segments-async': { 'storage.layout': 'segments', 'flush.disk.type': 'ASYNC_FLUSH', 'flush.interval.ms': 5 },
  commitlog: { 'storage.layout': 'commitlog' },
  'commitlog-mmap': { 'storage.layout': 'commitlog', 'file.engine': 'mmap', 'flush.disk.type': 'BATCH_FLUSH' },
} as const satisfies Readonly<Record<string, SettingsInput>>

export type WorldName = keyof typeof choices

export const worldNames = Object.keys(choices) as readonly WorldName[]

export function worldNamed(name: WorldName): World {
  const settings = { ...smallFiles, ...choices[name] }
  return { fileSystem: 'ext4', mountOptions: '', face: 'library', settings }
}
