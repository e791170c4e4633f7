/**
 * What a start after `kill -9` costs a store of some gigabytes, and how fast everything is read where that is asked for:
 * `npm run build && node --import tsx bench/recovery.ts [gigabytes] [directory]` (4 GB in the temporary directory unless
 * told otherwise). A child writes messages of 1 KiB in batches of 64 to eight partitions until it is killed.
 */

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.js'
import { resolveSettings } from '../src/core/settings.js'
import { nodeDisk } from '../src/files/node-disk.js'
import { buildBatch } from '../src/records/builder.js'
import { verify } from '../src/storage/inspect/verify.js'
import { MessageStore } from '../src/storage/message-store.js'

const partitions = 8
let usedBefore = 0
const [gigabytes = '4', where = tmpdir()] = process.argv.slice(2)

if (gigabytes === 'write') await write(where, Number(process.argv[4]))
else await measure(Number(gigabytes) * 1e9)

/** Never closes: it is killed when it says that enough is written. */
async function write(path: string, bytes: number): Promise<void> {
  const store = await MessageStore.open(path, { settings: resolveSettings() })
  await store.createTopic({ name: 'orders', partitions })
  const value = Buffer.alloc(1024, 'x')
  await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const log = store.log('orders', partition)
      for (let written = 0; written < bytes / partitions; ) {
        const batches = Array.from({ length: 16 }, () =>
          buildBatch(Array.from({ length: 64 }, () => ({ value, timestamp: systemClock.now() }))),
        )
        await Promise.all(batches.map((batch) => log?.append(batch).acknowledged))
        written += batches.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
      }
    }),
  )
  process.stdout.write('written\n')
  await new Promise(() => setInterval(() => {}, 1000))
}

async function measure(bytes: number): Promise<void> {
  const directory = await mkdtemp(join(where, 'holdfast-recovery-'))
  const data = join(directory, 'data')
  try {
    const child = spawn(process.execPath, ['--import', 'tsx', import.meta.filename, 'write', data, String(bytes)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    await start('start after kill -9', data, false)
    await start('start with a full scan', data, true)
    for (const quick of [true, false]) {
      const report = await verify(data, { disk: nodeDisk, clock: systemClock, quick })
      print(quick ? 'verify --quick' : 'verify', report.bytes, report.durationMs, `${report.findings.length} findings`)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function start(what: string, data: string, fullScan: boolean): Promise<void> {
  const began = systemClock.monotonic()
  const store = await MessageStore.open(data, { fullScan })
  const { scannedBytes, cutBytes, rebuiltSegments } = store.recovery
  const stored = Array.from({ length: partitions }, (_, i) => store.log('orders', i)?.sizeInBytes ?? 0)
  const total = stored.reduce((sum, size) => sum + size, 0)
  const said = `of ${(total / 1e9).toFixed(2)} GB stored; ${cutBytes} bytes cut, ${rebuiltSegments} segments made anew`
  print(what, scannedBytes, systemClock.monotonic() - began, said)
  await store.close()
}

/** Beside the time on the clock the time of the processors, which others who use the machine do not change. */
function print(what: string, bytes: number, ms: number, said: string): void {
  const rate = bytes / 1e6 / Math.max(1, ms)
  const { user, system } = process.cpuUsage()
  const cpuSeconds = ((user + system - usedBefore) / 1e6).toFixed(2)
  usedBefore = user + system
  process.stdout.write(
    `${what.padEnd(24)} ${(ms / 1000).toFixed(2)} s (${cpuSeconds} s of processors), ${(bytes / 1e6).toFixed(0)} MB read (${rate.toFixed(2)} GB/s) ${said}\n`,
  )
}
