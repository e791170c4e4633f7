/** The leader epochs of logs of both layouts. */

import { commitLogWorld } from './commit-log.js'
import { leaderEpochCases } from './leader-epochs.cases.js'
import { segmentLogWorld } from './segment-log.js'

const mapped = { settings: { 'file.engine': 'mmap' } } as const

for (const open of [segmentLogWorld, commitLogWorld]) {
  leaderEpochCases(open('sync'))
  leaderEpochCases(open('async', mapped))
}
