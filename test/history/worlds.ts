/** Settings that kills are tried under: both layouts, each flush policy, both engines, files small enough to roll. */

import { libc } from '../../src/files/libc.js'

const small = {
  'log.flush.offset.checkpoint.interval.ms': 200,
  'log.segment.bytes': 1 << 20,
  'mapped.file.size.commitlog': 1 << 20,
  'mapped.file.size.consumequeue': 4000,
  'max.hash.slot.num': 1000,
  'max.index.num': 1000,
}
const engines = libc() === undefined ? ['disk'] : ['disk', 'mmap']

export const worlds: readonly Readonly<Record<string, string | number>>[] = [
  'SYNC_FLUSH',
  'BATCH_FLUSH',
  'ASYNC_FLUSH',
].flatMap((flush) =>
  ['segments', 'commitlog'].flatMap((layout) =>
    engines.map((engine) => ({
      ...small,
      'flush.disk.type': flush,
      'storage.layout': layout,
      'file.engine': engine,
    })),
  ),
)
