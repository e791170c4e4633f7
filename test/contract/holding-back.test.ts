/** Logs of both layouts that show only what other copies have, and the contract of a log under them. */

import { commitLogWorld } from './commit-log.js'
import { holdingBackCases } from './holding-back.cases.js'
import { partitionLogCases } from './partition-log.cases.js'
import { segmentLogWorld } from './segment-log.js'

for (const world of [
  segmentLogWorld('sync'),
  segmentLogWorld('async', { settings: { 'file.engine': 'mmap' } }),
  commitLogWorld('sync'),
]) {
  holdingBackCases(world)
}

for (const world of [segmentLogWorld('sync', { copies: 'at once' }), commitLogWorld('async', { copies: 'at once' })]) {
  partitionLogCases(world)
}
