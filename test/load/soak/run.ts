/**
 * A long life in short: `npm run soak -- --minutes 20 --out soak.jsonl --svg docs/images/soak.svg`. Mixed load over both
 * layouts on the served program; a sample a second; in the end everything acknowledged is looked for, and a verdict.
 */

import assert from 'node:assert/strict'
import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Queue } from '../../../src/client/queue.js'
import { makeTemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import { serveConsole } from '../../support/served-console.js'
import { Chores } from './chores.js'
import { Ledger } from './ledger.js'
import { plot } from './plot.js'
import { type Sample, sampler } from './samples.js'
import { judge } from './verdict.js'
import { leastKept, settings, topics, Workload } from './workload.js'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    out: { type: 'string', default: 'soak.jsonl' },
    svg: { type: 'string' },
  },
})
const minutes = Number(options.minutes)
const samplesPerLine = 60

/** The last value of each key, as compaction must keep it. */
async function checkKeys(address: string, latest: ReadonlyMap<string, string>): Promise<void> {
  const service = await RemoteBroker.connect(address)
  const queue = new Queue(service)
  const found = new Map<string, string>()
  for await (const message of queue.consume('state', { follow: false }))
    found.set(message.key?.toString() ?? '', message.text())
  for (const [key, value] of latest) assert.equal(found.get(key), value, `the last value of ${key}`)
  await queue.close()
  await service.close()
}

function p99(latencies: readonly number[]): number {
  return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0
}

async function sampleFor(seconds: number, take: ReturnType<typeof sampler>, workload: Workload): Promise<Sample[]> {
  const out = createWriteStream(options.out)
  const samples: Sample[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    await pause(1000)
    const latencies = workload.latenciesMs.splice(0)
    const sample = await take({ sends: latencies.length, sendP99Ms: p99(latencies) })
    samples.push(sample)
    out.write(`${JSON.stringify(sample)}\n`)
    if (samples.length % samplesPerLine === 0) {
      const { residentBytes, openFiles, files } = sample
      console.log(
        `${Math.round(sample.seconds)} s: ${Math.round(residentBytes / 2 ** 20)} MiB resident, ${openFiles} open, ${files} files`,
      )
    }
  }
  out.end()
  return samples
}

async function soak(): Promise<boolean> {
  const [data, backup] = await Promise.all([
    makeTemporaryDirectory('holdfast-soak-'),
    makeTemporaryDirectory('holdfast-backup-'),
  ])
  const { broker, url } = await serveConsole(data.path, { settings })
  const { address, pid } = broker
  const service = await RemoteBroker.connect(address)
  for (const [name, { partitions, config }] of Object.entries(topics))
    await service.createTopic({ name, partitions, config })
  const ledger = new Ledger(leastKept)
  const workload = new Workload(address, ledger, Math.min(30_000, minutes * 6000))
  const served = { address, httpUrl: url, dataDir: data.path, backupDir: join(backup.path, 'backup') }
  const chores = new Chores(served, ledger, Math.min(120_000, minutes * 10_000))
  workload.start()
  chores.start()
  const take = sampler({ pid, dataDir: data.path, metricsUrl: new URL('metrics', url).href })
  const samples = await sampleFor(minutes * 60, take, workload)
  await Promise.all([workload.stop(), chores.stop()])
  await ledger.check(service)
  await ledger.check(service, { again: true })
  await checkKeys(address, workload.latest)
  await service.close()
  const code = await broker.end('SIGTERM')
  const log = broker
    .stderr()
    .split('\n')
    .filter((line) => line !== '' && !line.includes('takes nothing of its answer'))
  await Promise.all([data.remove(), backup.remove()])
  const judged = judge(samples)
  for (const { name, unit, median, growth, mostGrowth, isFlat } of judged) {
    console.log(
      `${isFlat ? 'flat ' : 'GROWS'} ${name}: median ${median.toFixed(1)}, growth ${growth.toFixed(1)} of ${mostGrowth} ${unit}`,
    )
  }
  const failures = [...workload.failures, ...chores.failures]
  for (const failure of failures) console.error(failure)
  for (const line of log) console.error(`in the log: ${line}`)
  const { acknowledged, found, retired } = ledger
  const summary = `${acknowledged} messages acknowledged, ${found} found at first, ${retired} retired; ${workload.committed} transactions committed, ${workload.delivered} messages delivered to groups, ${workload.lives} client lives, ${chores.topics} topics come and gone, ${chores.backups} backups, ${chores.checkups} visits of the doctor`
  console.log(summary)
  if (options.svg !== undefined)
    await writeFile(
      options.svg,
      plot(
        samples,
        `${minutes} minutes; ${acknowledged} messages acknowledged, ${workload.lives} client lives. Grey: the warm-up, which is not judged.`,
      ),
    )
  return code === 0 && failures.length === 0 && log.length === 0 && judged.every(({ isFlat }) => isFlat)
}

const isWell = await soak()
console.log(isWell ? 'The soak is well.' : 'The soak FAILED.')
process.exitCode = isWell ? 0 : 1
