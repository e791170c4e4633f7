/**
 * `npm run bench:start`: how soon a broker serves, and what it takes while idle. Needs the build.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveSettings } from '../src/core/settings.js'
import { makeTemporaryDirectory } from '../src/files/temporary-directory.js'
import { buildBatch } from '../src/records/builder.js'
import { MessageStore } from '../src/storage/message-store.js'
import { startBroker } from '../src/testing/index.js'
import { serve } from '../test/support/served-broker.js'
import { median } from './callers.js'

const times = 7

async function served(dataDir: (i: number) => string): Promise<{ readyMs: number; residentMb: number }> {
  const ready: number[] = []
  const resident: number[] = []
  for (let i = 0; i < times; i++) {
    const broker = await serve(dataDir(i))
    ready.push(broker.readyAfterMs)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const status = readFileSync(`/proc/${broker.pid}/status`, 'utf8')
    resident.push(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024)
    await broker.end('SIGTERM')
  }
  return { readyMs: median(ready), residentMb: median(resident) }
}

async function fill(dataDir: string, totalBytes: number): Promise<void> {
  const store = await MessageStore.open(dataDir, {
    settings: resolveSettings({ 'flush.disk.type': 'ASYNC_FLUSH', 'log.segment.bytes': 64 << 20 }),
  })
  await store.createTopic({ name: 'full', partitions: 4 })
  const records = Array.from({ length: 900 }, () => ({ value: Buffer.alloc(1024, 1), timestamp: 1 }))
  for (let written = 0, i = 0; written < totalBytes; i++) {
    const batch = buildBatch(records)
    written += batch.sizeInBytes
    await store.log('full', i % 4)?.append(batch).acknowledged
  }
  await store.close()
}

const directory = await makeTemporaryDirectory('holdfast-bench-start-')
try {
  const empty = await served((i) => join(directory.path, `empty-${i}`))
  console.log(
    `serve, empty folder:            ready after ${empty.readyMs.toFixed(0)} ms (aim 300), idle ${empty.residentMb.toFixed(0)} MB resident (aim 80)`,
  )
  const full = join(directory.path, 'full')
  await fill(full, 2 ** 30)
  const closed = await served(() => full)
  console.log(
    `serve, 1 GiB closed in order:   ready after ${closed.readyMs.toFixed(0)} ms (aim 1000), idle ${closed.residentMb.toFixed(0)} MB resident`,
  )
  const inProcess: number[] = []
  for (let i = 0; i < times + 1; i++) {
    const before = performance.now()
    const broker = await startBroker()
    inProcess.push(performance.now() - before)
    await broker.close()
  }
  const [first, ...later] = inProcess
  console.log(
    `startBroker(), same process:    ${median(later).toFixed(0)} ms (aim 50); the first one ${first.toFixed(0)} ms`,
  )
} finally {
  await directory.remove()
}
