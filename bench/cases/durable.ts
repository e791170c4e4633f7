/**
 * Durable appends: ours in its set-ups, the raw loop, and what a user would take instead, all at D2: acknowledged
 * when on stable storage. One case, so that the ratio to the best peer comes from the same rounds as that to the floor.
 */

import { type Bench, type Case, compare, hosted } from '../harness/case.js'
import type { ChildOptions } from '../harness/child.js'
import type { Spec } from '../harness/contender.js'
import type { Row } from '../harness/rows.js'

interface Load {
  readonly sizeBytes: number
  readonly callers: number
}

const grid: readonly Load[] = [100, 1024].flatMap((sizeBytes) =>
  [1, 100, 1000].map((callers) => ({ sizeBytes, callers })),
)
const quickGrid: readonly Load[] = [
  { sizeBytes: 1024, callers: 1 },
  { sizeBytes: 1024, callers: 1000 },
  { sizeBytes: 100, callers: 1000 },
]

/** More than a fast disk takes of such messages in a second: room for a block without a roll. */
const bytesPerSecond: Readonly<Record<number, number>> = { 1: 10e6, 100: 400e6, 1000: 800e6 }
const smallestSegment = 16 << 20
const largestSegment = 1 << 30

/** A segment that a block fits into, a power of two. */
export function segmentBytesFor({ sizeBytes, callers }: Load, blockMs: number): number {
  const perSecond = (bytesPerSecond[callers] ?? largestSegment) * (sizeBytes < 1024 && callers > 1 ? 0.4 : 1)
  const needed = (perSecond * blockMs) / 1000
  return Math.min(largestSegment, Math.max(smallestSegment, 2 ** Math.ceil(Math.log2(needed))))
}

/** Every contender at D2 under this load; `child` wraps the processes, as for `--prove`. */
export function durableSpecs(
  bench: Pick<Bench, 'workspace'>,
  load: Load,
  blockMs: number,
  child?: ChildOptions,
): Spec[] {
  const bytes = segmentBytesFor(load, blockMs)
  const spec = (label: string, role: Spec['role'], kind: string, options: object = {}) =>
    hosted(bench, label, role, kind, { ...load, ...options }, child)
  const ours = (label: string, settings: object = {}, options: object = {}) =>
    spec(label, 'ours', 'holdfast', { settings, ...options })
  const prepared = { 'file.preallocate': 'zero', 'log.segment.bytes': bytes }
  return [
    spec('raw loop, zero-filled file', 'floor', 'raw-loop', { dsync: true, fillBytes: bytes }),
    spec('raw loop, growing file', 'reference', 'raw-loop', { dsync: true, emptied: true }),
    ours('holdfast'),
    ours('holdfast, segments filled before', prepared, { preparedBytes: bytes }),
    ours('holdfast, mmap engine', { 'file.engine': 'mmap' }),
    ours('holdfast, BATCH_FLUSH', { 'flush.disk.type': 'BATCH_FLUSH' }),
    spec('better-sqlite3 WAL, FULL', 'peer', 'sqlite'),
    spec('lmdb, flushed', 'peer', 'lmdb'),
    spec('classic-level, sync', 'peer', 'level'),
    spec('Redis stream, appendfsync always', 'peer', 'redis'),
  ]
}

export function loadName({ sizeBytes, callers }: Load): string {
  return `${sizeBytes === 1024 ? '1 KiB' : `${sizeBytes} B`}, ${callers} ${callers === 1 ? 'caller' : 'callers'}`
}

export const durable: Case = {
  name: 'durable',
  about: 'appends acknowledged from the disk, one message a call',
  quick: true,
  async run(bench) {
    const rows: Row[] = []
    for (const load of bench.effort.quick ? quickGrid : grid) {
      const specs = durableSpecs(bench, load, bench.effort.blockMs)
      const metrics = [{ unit: 'msg/s', better: 'higher' }] as const
      rows.push(...(await compare(bench, { name: `durable, ${loadName(load)}`, level: 'D2', specs, metrics })))
    }
    return rows
  },
}
