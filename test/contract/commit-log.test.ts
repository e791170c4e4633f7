/** RocketMQ's layout under the contract of a partition log. */

import { commitLogWorld } from './commit-log.js'
import { idempotenceCases } from './idempotence.cases.js'
import { partitionLogCases } from './partition-log.cases.js'
import { tagCases } from './tags.cases.js'
import { transactionCases } from './transactions.cases.js'

tagCases(commitLogWorld('sync'))

for (const world of [
  commitLogWorld('sync'),
  commitLogWorld('async'),
  commitLogWorld('sync', { supportsDsync: false }),
  commitLogWorld('batch'),
  ...(['sync', 'batch', 'async'] as const).map((policy) =>
    commitLogWorld(policy, { settings: { 'file.engine': 'mmap' } }),
  ),
  ...(['none', 'fallocate', 'zero'] as const).map((how) =>
    commitLogWorld('sync', { settings: { 'file.preallocate': how, 'mapped.file.size.commitlog': 1 << 20 } }),
  ),
  commitLogWorld('async', { settings: { 'file.preallocate': 'zero', 'file.engine': 'mmap', 'file.warmup': 'lock' } }),
]) {
  partitionLogCases(world)
  idempotenceCases(world)
  transactionCases(world)
}
