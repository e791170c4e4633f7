/** Logs of both layouts whose ends are taken off. */

import { commitLogWorld } from './commit-log.js'
import { cuttingBackCases } from './cutting-back.cases.js'
import { segmentLogWorld } from './segment-log.js'

for (const world of [
  segmentLogWorld('sync'),
  segmentLogWorld('async', { settings: { 'file.engine': 'mmap' } }),
  commitLogWorld('sync'),
]) {
  cuttingBackCases(world)
}
