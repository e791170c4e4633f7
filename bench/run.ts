/**
 * `npm run bench`: ours, the raw floor and what a user would take instead, in turns within one run, since only the
 * ratio is worth reading on a machine that is shared.
 *
 *   npm run bench                     all cases; three quarters of an hour
 *   npm run bench -- --quick          a subset with short rounds; two minutes
 *   npm run bench -- --only WORD      the cases with this word in their name, also with --quick
 *   npm run bench -- --dir DIR        the disk to measure; the system's temporary directory where absent
 *   npm run bench -- --json FILE      the rows; bench/results/ keeps those of every run
 *   npm run bench -- --svg FILE       the chart
 *   npm run bench -- --docs           also docs/benchmarks.svg and the tables of docs/benchmarks.md
 *   npm run bench -- --rounds N --block-ms MS
 *   npm run bench -- --prove          no times: the flushes of each contender, counted under strace
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { async } from './cases/async.js'
import { durable } from './cases/durable.js'
import { fetch } from './cases/fetch.js'
import { find } from './cases/find.js'
import { kafka } from './cases/kafka.js'
import { metrics } from './cases/metrics.js'
import { queues } from './cases/queues.js'
import { read } from './cases/read.js'
import { replication } from './cases/replication.js'
import { scale } from './cases/scale.js'
import { socket } from './cases/socket.js'
import { variants } from './cases/variants.js'
import type { Bench, Case, Effort } from './harness/case.js'
import { chart } from './harness/chart.js'
import { describeMachine, machineLine } from './harness/machine.js'
import { withResults } from './harness/markdown.js'
import { prove } from './harness/prove.js'
import type { Row } from './harness/rows.js'
import { Workspace } from './harness/workspace.js'
import { installPeers } from './peers.js'

const cases: readonly Case[] = [
  durable,
  async,
  read,
  fetch,
  find,
  socket,
  kafka,
  replication,
  queues,
  scale,
  variants,
  metrics,
]

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    prove: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    svg: { type: 'string' },
    docs: { type: 'boolean', default: false },
    dir: { type: 'string' },
    rounds: { type: 'string' },
    'block-ms': { type: 'string' },
  },
})

const docs = resolve(import.meta.dirname, '../docs')

const say = (line: string) => console.log(line)

function effort(): Effort {
  const usual = options.quick ? { rounds: 3, blockMs: 250 } : { rounds: 7, blockMs: 1500 }
  const rounds = Number(options.rounds ?? usual.rounds)
  const blockMs = Number(options['block-ms'] ?? usual.blockMs)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${options.rounds}: it must be 1 or more`)
  if (!(blockMs >= 1)) throw new Error(`--block-ms ${options['block-ms']}: it must be 1 or more`)
  return { quick: options.quick, rounds, blockMs, warmupMs: Math.max(options.quick ? 800 : 3000, blockMs) }
}

function chosenCases(): Case[] {
  const words = options.only
  if (words === undefined) return cases.filter(({ quick }) => quick || !options.quick)
  const chosen = cases.filter(({ name }) => words.some((word) => name.includes(word)))
  if (chosen.length > 0) return chosen
  throw new Error(
    `no case has ${words.join(' or ')} in its name; there are ${cases.map(({ name }) => name).join(', ')}`,
  )
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  say(`wrote ${path}`)
}

async function main(): Promise<void> {
  const chosen = chosenCases()
  const measuredEffort = effort()
  installPeers(say)
  const workspace = await Workspace.make(options.dir ?? tmpdir())
  const machine = describeMachine(workspace.path)
  say(machineLine(machine))
  const rows: Row[] = []
  const bench: Bench = { effort: measuredEffort, workspace, say }
  try {
    if (options.prove) return await prove(bench)
    say(
      `${measuredEffort.rounds} rounds of ${measuredEffort.blockMs} ms blocks; / floor and / best peer are ratios within a round`,
    )
    for (const one of chosen) rows.push(...(await one.run(bench)))
  } finally {
    await workspace.remove()
  }
  const results = join(import.meta.dirname, 'results')
  const report = { machine, ...measuredEffort, rows }
  const picture = chart(rows, `${machine.date}: ${machineLine(machine)}`)
  write(options.json ?? join(results, 'last.json'), `${JSON.stringify(options.json ? rows : report, null, 2)}\n`)
  write(options.svg ?? join(results, 'last.svg'), picture)
  if (!options.docs) return
  const page = join(docs, 'benchmarks.md')
  write(page, withResults(readFileSync(page, 'utf8'), report))
  write(join(docs, 'benchmarks.svg'), picture)
}

await main()
