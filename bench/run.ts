/**
 * `npm run bench`: durable appends through the library beside a raw loop that puts the same payloads on the same disk.
 * The two take turns within one run, since the machine is shared and noisy: only the ratio is worth reading.
 *
 *   npm run bench                  all cases, about two minutes
 *   npm run bench -- --quick       one short round of each
 *   npm run bench -- --json FILE   the rows as JSON too
 */

import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeTemporaryDirectory } from '../src/files/temporary-directory.js'
import { open } from '../src/index.js'
import { type LoadResult, load, median } from './callers.js'
import { RawLoop } from './raw-loop.js'

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' }, dir: { type: 'string' } },
})

const sizes = [100, 1024]
const callerCounts = [1, 100, 1000]
const rounds = options.quick ? 1 : 5
const roundMs = options.quick ? 500 : 1500

interface Row {
  readonly case: string
  readonly level: 'D2'
  readonly oursPerSecond: number
  readonly rawPerSecond: number
  readonly ratio: number
  readonly ratioFrom: number
  readonly ratioTo: number
  readonly oursP50Ms: number
  readonly oursP99Ms: number
  readonly rawP50Ms: number
  readonly rawP99Ms: number
}

async function main(): Promise<void> {
  const directory = await makeTemporaryDirectory(join(options.dir ?? '', 'holdfast-bench-'))
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
  )
  console.log(
    'durable appends (D2: acknowledged when on the disk), closed loop; ratio = ours / raw writev+O_DSYNC loop\n',
  )
  console.log('  payload callers |    ours/s  p50 ms  p99 ms |     raw/s  p50 ms  p99 ms | ratio (of rounds)')
  const rows: Row[] = []
  try {
    for (const size of sizes)
      for (const callers of callerCounts) rows.push(await measure(directory.path, size, callers))
  } finally {
    await directory.remove()
  }
  if (options.json) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`)
}

async function measure(directory: string, size: number, callers: number): Promise<Row> {
  await using mq = await open(join(directory, `ours-${size}-${callers}`))
  const raw = await RawLoop.open(join(directory, `raw-${size}-${callers}`))
  const value = Buffer.alloc(size, 0x61)
  const ours = (ms: number) => load(callers, ms, () => mq.send('bench', { value }))
  const floor = (ms: number) => load(callers, ms, () => raw.append(value))
  await ours(300)
  await floor(300)
  const pairs: { ours: LoadResult; raw: LoadResult }[] = []
  for (let round = 0; round < rounds; round++) {
    // A B, then B A, so that neither always has the quieter moment.
    if (round % 2 === 0) pairs.push({ ours: await ours(roundMs), raw: await floor(roundMs) })
    else {
      const first = await floor(roundMs)
      pairs.push({ ours: await ours(roundMs), raw: first })
    }
  }
  await raw.close()
  const row = rowOf(`${size} B, ${callers} callers`, pairs)
  print(row, size, callers)
  return row
}

function rowOf(name: string, pairs: readonly { ours: LoadResult; raw: LoadResult }[]): Row {
  const ratios = pairs.map((pair) => pair.ours.perSecond / pair.raw.perSecond)
  const middle = (pick: (pair: { ours: LoadResult; raw: LoadResult }) => number) => median(pairs.map(pick))
  return {
    case: name,
    level: 'D2',
    oursPerSecond: middle((pair) => pair.ours.perSecond),
    rawPerSecond: middle((pair) => pair.raw.perSecond),
    ratio: median(ratios),
    ratioFrom: Math.min(...ratios),
    ratioTo: Math.max(...ratios),
    oursP50Ms: middle((pair) => pair.ours.p50Ms),
    oursP99Ms: middle((pair) => pair.ours.p99Ms),
    rawP50Ms: middle((pair) => pair.raw.p50Ms),
    rawP99Ms: middle((pair) => pair.raw.p99Ms),
  }
}

function print(row: Row, size: number, callers: number): void {
  const rate = (perSecond: number) => Math.round(perSecond).toLocaleString('en').padStart(9)
  const ms = (value: number) => value.toFixed(2).padStart(7)
  const ours = `${rate(row.oursPerSecond)} ${ms(row.oursP50Ms)} ${ms(row.oursP99Ms)}`
  const raw = `${rate(row.rawPerSecond)} ${ms(row.rawP50Ms)} ${ms(row.rawP99Ms)}`
  const spread = `${row.ratio.toFixed(2)} (${row.ratioFrom.toFixed(2)}-${row.ratioTo.toFixed(2)})`
  console.log(`  ${`${size} B`.padStart(7)} ${String(callers).padStart(7)} | ${ours} | ${raw} | ${spread}`)
}

await main()
