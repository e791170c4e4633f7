/** A program for HOLDFAST_NO_LIBC=1: writes a few segments, reads them lent and plain, and prints what it was given. */

import type { HoldfastError } from '../../../src/core/errors.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import type { PartitionLog } from '../../../src/storage/partition-log.js'
import { appendAll, settingsWith, sizedBatch } from '../support.js'

const [path] = process.argv.slice(2)
const settings = { ...settingsWith({ 'file.preallocate': 'zero' }), 'log.segment.bytes': 100_000 }
const refused = await MessageStore.open(path, { settings: { ...settings, 'file.engine': 'mmap' } }).catch(
  (error: HoldfastError) => error.code,
)
const store = await MessageStore.open(path, { settings })
await store.createTopic({ name: 'orders', partitions: 1 })
const log = store.log('orders', 0) as PartitionLog
for (let i = 0; i < 12; i++) {
  await appendAll(
    log,
    Array.from({ length: 5 }, (_, at) => sizedBatch(9000, `${i} ${at}`)),
  )
}
let lent = 0
let same = 0
for (let offset = 0; offset < 60; offset++) {
  const slice = await log.read(offset, 20_000, { lend: true })
  const plain = await log.read(offset, 20_000)
  if (slice.release !== undefined) lent++
  if (Buffer.concat(slice.records).equals(Buffer.concat(plain.records))) same++
}
await store.close()
console.log(JSON.stringify({ refused: typeof refused === 'string' ? refused : 'opened', lent, same }))
