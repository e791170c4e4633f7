/** Kafka's layout under the contract of a partition log. */

import { idempotenceCases } from './idempotence.cases.js'
import { partitionLogCases } from './partition-log.cases.js'
import { segmentLogWorld } from './segment-log.js'

for (const world of [
  segmentLogWorld('sync'),
  segmentLogWorld('async'),
  segmentLogWorld('sync', { supportsDsync: false }),
]) {
  partitionLogCases(world)
  idempotenceCases(world)
}
