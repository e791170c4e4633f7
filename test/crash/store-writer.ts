/**
 * A program that is killed: `store-writer.ts DIR TAG SETTINGS` opens the store, appends without end, lets the log begin
 * later now and then, and says on stdout what was acknowledged: `OFFSET VALUE`, and before it deletes: `delete OFFSET`.
 * The kernel keeps in the pipe what was said, whatever becomes of the process.
 */

import { resolveSettings, type SettingsInput } from '../../src/core/settings.js'
import { buildBatch } from '../../src/records/builder.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { say } from './saying.js'

const [dataDir, tag, given] = process.argv.slice(2)
const settings = resolveSettings(JSON.parse(given) as SettingsInput)
const store = await MessageStore.open(dataDir, { settings })
if (store.topic('t') === undefined) await store.createTopic({ name: 't', partitions: 1 })
const log = store.log('t', 0) as PartitionLog

const callers = 16
/** A segment of the smallest size holds about a hundred of these. */
const longest = 16_000
const kept = 150
const padding = '.'.repeat(longest)
let sent = 0
let deletedBefore = log.logStartOffset

async function caller(): Promise<never> {
  for (;;) {
    const value = `${tag}-${sent++}`
    const bytes = Buffer.from(value + padding.slice(0, (sent * 7919) % longest))
    const { baseOffset, acknowledged } = log.append(buildBatch([{ value: bytes, timestamp: 1_700_000_000_000 }]))
    await acknowledged
    say(`${baseOffset} ${value}\n`)
  }
}

async function deleter(): Promise<never> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (log.highWatermark - deletedBefore < 2 * kept) continue
    deletedBefore = log.highWatermark - kept
    say(`delete ${deletedBefore}\n`)
    await log.deleteRecordsBefore(deletedBefore)
  }
}

say('ready\n')
await Promise.all([deleter(), ...Array.from({ length: callers }, caller)])
