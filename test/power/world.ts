/** What a recording is made with: the engine's settings, the file system, and who uses the engine. Drawn by a seed. */

import type { SettingsInput } from '../../src/core/settings.js'
import { libc } from '../../src/files/libc.js'
import type { Dice } from '../crash/seeded.js'
import type { FileSystemKind } from '../support/block-device/linux.js'

export interface World {
  readonly fileSystem: FileSystemKind
  readonly mountOptions: string
  /** The library in this process, or `holdfast serve` in another. */
  readonly face: 'library' | 'broker'
  readonly settings: SettingsInput
}

export interface WorldChoice {
  readonly fileSystem?: FileSystemKind
  readonly face?: World['face']
  readonly settings?: SettingsInput
}

const mib = 1024 * 1024

const mountOptions: Readonly<Record<FileSystemKind, readonly string[]>> = {
  ext4: ['', 'commit=1', 'commit=300', 'data=journal', 'data=writeback', 'discard', 'noauto_da_alloc', 'nodelalloc'],
  xfs: ['', 'discard', 'logbsize=256k'],
}

/** Small files, so that a short recording has many of all that happens between two of them. */
const smallFiles = {
  'log.segment.bytes': mib,
  'offsets.topic.segment.bytes': mib,
  'mapped.file.size.consumequeue': 1000,
  'max.hash.slot.num': 100,
  'max.index.num': 400,
  'log.flush.offset.checkpoint.interval.ms': 50,
  'replica.high.watermark.checkpoint.interval.ms': 50,
  'log.retention.check.interval.ms': 40,
  'log.cleaner.dedupe.buffer.size': mib,
  'log.cleaner.backoff.ms': 60,
  'log.cleaner.min.cleanable.ratio': 0.1,
  'log.cleaner.delete.retention.ms': 0,
  // The disk is small, and full of zeros that are no load.
  'disk.watermark.delete.ratio': 100,
  'disk.watermark.refuse.ratio': 100,
  'disk.space.clean.forcibly.ratio': 100,
  'disk.max.used.space.ratio': 100,
} as const satisfies SettingsInput

/**
 * The disk is served by a thread of this process. A page fault that waits for it holds the process's memory map, which
 * that thread needs: so what runs in this process maps nothing.
 */
const unmapped = { 'file.engine': 'disk', 'file.map.count': 0, 'file.warmup': 'none' } as const satisfies SettingsInput

export function worldOf(dice: Dice, choice: WorldChoice = {}): World {
  const pick = <T>(all: readonly T[]): T => all[dice.between(0, all.length - 1)]
  const fileSystem = choice.fileSystem ?? 'ext4'
  const face = choice.face ?? pick(['library', 'library', 'broker'] as const)
  const preallocate = pick(['none', 'ahead', 'ahead', 'fallocate', 'zero'] as const)
  const settings: SettingsInput = {
    ...smallFiles,
    'storage.layout': pick(['segments', 'segments', 'commitlog'] as const),
    'flush.disk.type': pick(['SYNC_FLUSH', 'SYNC_FLUSH', 'BATCH_FLUSH'] as const),
    ...(face === 'broker' && libc() !== undefined ? { 'file.engine': pick(['disk', 'mmap'] as const) } : unmapped),
    'file.preallocate': preallocate,
    'flush.batch.size': dice.between(2, 20),
    'flush.interval.ms': dice.between(1, 10),
    'flush.commitlog.interval': dice.between(1, 50),
    'mapped.file.size.commitlog': pick([64, 128, 512]) * 1024,
    // An index that is soon full ends its segment.
    'log.index.interval.bytes': pick([0, 200, 4096]),
    'log.index.size.max.bytes': preallocate === 'zero' ? 600 : pick([96, 200, 1000]),
    ...choice.settings,
  }
  return {
    fileSystem,
    mountOptions: pick(mountOptions[fileSystem]),
    face,
    settings,
  }
}
