/** Producers whose batches are removed are remembered: what they send again is known, also by the next process. */

import assert from 'node:assert/strict'
import { rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { sizedBatch } from '../support.js'
import { closedLog, filesIn, named, openLog, partitionDirectory } from './world.js'

/** Two of them do not fit into one segment. */
const large = (baseSequence: number) =>
  sizedBatch(600_000, `${baseSequence}`, { producerId: 5, producerEpoch: 0, baseSequence })

test('where a start removes the segments, and the snapshot behind them was lost', async (t) => {
  const directory = await closedLog(t, [large(0), large(1), large(2)])
  const snapshots = (await filesIn(directory)).filter((name) => name.endsWith('.snapshot'))
  assert.deepEqual(
    snapshots,
    [1, 2, 3].map((offset) => named(offset, '.snapshot')),
  )
  // The power failed behind a roll, before the snapshot of it was written.
  for (const offset of [2, 3]) await rm(join(directory, named(offset, '.snapshot')))
  await truncate(join(directory, named(2, '.log')), 0)
  for (let opening = 1; opening <= 2; opening++) {
    const log = await openLog(t, directory, { logStartOffset: 2, recoveryPoint: 2 })
    assert.ok(!(await filesIn(directory)).includes(named(1, '.log')))
    assert.equal(log.append(large(1)).duplicate, true, `opening ${opening}`)
  }
})

test('where the log removes the segments, and the snapshot behind them could not be written', async (t) => {
  const refused = named(1, '.snapshot')
  let refusals = 0
  const disk = new FaultDisk(nodeDisk, ({ operation, path }) =>
    operation === 'replaceFile' && path.endsWith(refused) && refusals++ === 0 ? 'ENOSPC' : undefined,
  )
  const directory = await partitionDirectory(t)
  const log = await openLog(t, directory, { clean: true, disk })
  for (const sequence of [0, 1]) await log.append(large(sequence)).acknowledged
  await log.deleteRecordsBefore(1)
  assert.equal(refusals, 2)
  const names = await filesIn(directory)
  assert.ok(names.includes(refused) && !names.includes(named(0, '.log')))
  await truncate(join(directory, named(1, '.log')), 0)
  const next = await openLog(t, directory, { logStartOffset: 1 })
  assert.equal(next.append(large(0)).duplicate, true)
})
