/** The checkpoints on the disk follow the logs, whatever became of an earlier write. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { CheckpointWriter } from '../../src/storage/checkpoint-writer.js'
import type { SegmentLog } from '../../src/storage/segments/segment-log.js'
import { closedLog, openLog } from './segments/world.js'
import { settingsWith, temporaryDirectory } from './support.js'

test('a checkpoint whose replacement failed is written again, since nobody knows which one is there', async (t) => {
  const directory = await temporaryDirectory(t)
  let failing = false
  const written: string[] = []
  class Unsure extends FaultDisk {
    override async replaceFile(path: string, bytes: Buffer): Promise<void> {
      written.push(path)
      await super.replaceFile(path, bytes)
      if (failing) throw new Error('the directory could not be synced')
    }
  }
  const disk = new Unsure(nodeDisk)
  const log = await openLog(t, await closedLog(t, []))
  let logs: SegmentLog[] = []
  const tools = { disk, settings: settingsWith() }
  const writer = new CheckpointWriter(
    directory,
    tools,
    () => logs,
    () => Number.MAX_SAFE_INTEGER,
  )
  const path = join(directory, 'recovery-point-offset-checkpoint')
  logs = [log]
  await writer.write()
  const before = await nodeDisk.readFile(path)
  logs = []
  failing = true
  await assert.rejects(writer.write())
  failing = false
  logs = [log]
  await writer.write()
  assert.deepEqual(await nodeDisk.readFile(path), before)
  const count = written.length
  await writer.write()
  assert.ok(
    written.slice(count).every((name) => name !== path),
    'what is known to be there is not written again',
  )
})
