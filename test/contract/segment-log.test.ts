/** Kafka's layout under the contract of a partition log. */

import { idempotenceCases } from './idempotence.cases.js'
import { partitionLogCases } from './partition-log.cases.js'
import { segmentLogWorld } from './segment-log.js'
import { tagCases } from './tags.cases.js'
import { transactionCases } from './transactions.cases.js'

tagCases(segmentLogWorld('sync'))

for (const world of [
  segmentLogWorld('sync'),
  segmentLogWorld('async'),
  segmentLogWorld('sync', { supportsDsync: false }),
  segmentLogWorld('batch'),
  ...(['sync', 'batch', 'async'] as const).map((policy) =>
    segmentLogWorld(policy, { settings: { 'file.engine': 'mmap' } }),
  ),
  ...(['none', 'fallocate', 'zero'] as const).map((how) =>
    segmentLogWorld('sync', { settings: { 'file.preallocate': how, 'log.segment.bytes': 1 << 20 } }),
  ),
  segmentLogWorld('async', { settings: { 'file.preallocate': 'zero', 'file.engine': 'mmap', 'file.warmup': 'lock' } }),
]) {
  partitionLogCases(world)
  idempotenceCases(world)
  transactionCases(world)
}
