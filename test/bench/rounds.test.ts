/** How contenders take turns, and what rows come of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chart } from '../../bench/harness/chart.js'
import type { BlockResult, Spec } from '../../bench/harness/contender.js'
import { withResults } from '../../bench/harness/markdown.js'
import { runRounds } from '../../bench/harness/rounds.js'
import { type Row, rowsOf } from '../../bench/harness/rows.js'

const plan = { rounds: 2, blockMs: 10, warmupMs: 1 }
const throughput = { unit: 'msg/s', better: 'higher' } as const
const silent = () => {}

/** A contender whose measured blocks give `values`, one after the other, the last one again and again. */
function fake(label: string, role: Spec['role'], values: readonly number[], turns: string[] = []): Spec {
  let block = 0
  return {
    label,
    role,
    start: async () => ({
      async block(ms): Promise<BlockResult> {
        if (ms === plan.warmupMs) return { value: Number.NaN, detail: {} }
        turns.push(label)
        const value = values[Math.min(block++, values.length - 1)]
        return { value, detail: { p99Ms: 1000 / value } }
      },
      close: async () => void turns.push(`${label} closed`),
    }),
  }
}

test('contenders take turns, A B then B A, with the floor before, between and after', async () => {
  const turns: string[] = []
  const specs = [fake('floor', 'floor', [10], turns), fake('a', 'ours', [5], turns), fake('b', 'peer', [4], turns)]
  await runRounds(specs, plan, silent)
  const order = ['floor', 'a', 'b', 'floor', 'b', 'a', 'floor']
  assert.deepEqual(turns, [...order, 'floor closed', 'a closed', 'b closed'])
})

test('a round is dropped, for all, where the floor changed by more than 1.5x around it', async () => {
  const specs = [fake('floor', 'floor', [10, 20, 20]), fake('a', 'ours', [5, 8]), fake('b', 'peer', [4, 2])]
  const rounds = await runRounds(specs, plan, silent)
  assert.equal(rounds.dropped, 1)
  assert.equal(rounds.noisy, false)
  assert.deepEqual(rounds.floors, [20])
  assert.deepEqual(
    ['a', 'b'].map((label) => rounds.results.get(label)?.map(({ value }) => value)),
    [[8], [2]],
  )
})

test('where every round would be dropped, all are kept and called noisy', async () => {
  const specs = [fake('floor', 'floor', [10, 20, 40]), fake('a', 'ours', [5])]
  const rounds = await runRounds(specs, plan, silent)
  assert.equal(rounds.dropped, 0)
  assert.equal(rounds.noisy, true)
  assert.equal(rounds.results.get('a')?.length, 2)
})

test('a contender that cannot start, or breaks, is left out loudly; the others are measured and closed', async () => {
  const turns: string[] = []
  const said: string[] = []
  const absent: Spec = { label: 'absent', role: 'peer', start: () => Promise.reject(new Error('not installed')) }
  const broken = fake('broken', 'peer', [1], turns)
  const breaking: Spec = {
    ...broken,
    start: async () => ({ ...(await broken.start()), block: () => Promise.reject(new Error('lost its disk')) }),
  }
  const specs = [fake('floor', 'floor', [10], turns), absent, breaking, fake('a', 'ours', [5], turns)]
  const rounds = await runRounds(specs, plan, (line) => said.push(line))
  assert.deepEqual([...rounds.missing.keys()], ['absent', 'broken'])
  assert.match(said.join('\n'), /absent is left out: not installed/)
  assert.match(said.join('\n'), /broken is left out: lost its disk/)
  assert.deepEqual(turns.slice(-3), ['floor closed', 'broken closed', 'a closed'])
  const rows = rowsOf({ name: 'case', level: 'D2' }, specs, rounds, throughput)
  assert.deepEqual(
    rows.map(({ contender }) => contender),
    ['floor', 'a'],
  )
})

async function sampleRows(): Promise<Row[]> {
  const specs = [
    fake('floor', 'floor', [10, 10, 10]),
    fake('ours <1> & co', 'ours', [8, 6]),
    fake('slow peer', 'peer', [1]),
    fake('best peer', 'peer', [4, 2]),
  ]
  const rounds = await runRounds(specs, plan, silent)
  return [
    ...rowsOf({ name: 'case', level: 'D2' }, specs, rounds, throughput),
    ...rowsOf({ name: 'case', level: 'D2' }, specs, rounds, { unit: 'ms', better: 'lower', key: 'p99Ms' }),
  ]
}

test('a row has the ratios of its rounds to the floor and to the best peer', async () => {
  const [, ours] = await sampleRows()
  assert.equal(ours.median, 7)
  assert.equal(ours.ratioToFloor, 0.7)
  assert.equal(ours.bestPeer, 'best peer')
  // Of the rounds, 8/4 and 6/2; not of the medians, 7/3.
  assert.equal(ours.ratioToBestPeer, 2.5)
  assert.equal(ours.spread.of, 'ratioToFloor')
  assert.deepEqual([ours.spread.min, ours.spread.max], [0.6, 0.8])
})

test('where less is better, the best peer is the one with the least', async () => {
  const ours = (await sampleRows())[5]
  assert.equal(ours.unit, 'ms')
  assert.equal(ours.bestPeer, 'best peer')
  assert.equal(ours.median, median2(1000 / 8, 1000 / 6))
})

const median2 = (a: number, b: number) => (a + b) / 2

test('every row has what the JSON promises', async () => {
  const rows = JSON.parse(JSON.stringify(await sampleRows())) as Record<string, unknown>[]
  assert.equal(rows.length, 8)
  for (const row of rows) {
    for (const name of ['case', 'level', 'contender', 'role', 'unit', 'better']) {
      assert.equal(typeof row[name], 'string', `${name} is text`)
    }
    for (const name of ['median', 'ratioToFloor', 'ratioToBestPeer', 'rounds', 'dropped']) {
      assert.equal(typeof row[name], 'number', `${name} is a number`)
    }
    assert.deepEqual(Object.keys(row['spread'] as object).sort(), ['high', 'low', 'max', 'min', 'of'])
  }
})

test('the chart shows each contender of the first metric once, with its level, in well-formed text', async () => {
  const svg = chart(await sampleRows(), 'a machine')
  assert.equal(svg.match(/>slow peer</g)?.length, 1)
  assert.match(svg, /ours &lt;1> &amp; co/)
  assert.match(svg, />D2</)
  assert.match(svg, /0\.70 of the floor, 2\.50x best peer/)
  assert.equal(svg.match(/<(text|rect|svg|title)\b/g)?.length, (svg.match(/<\/(text|svg|title)>|\/>/g) ?? []).length)
})

test('the page of results is replaced between its marks, and nowhere else', async () => {
  const machine = { processor: 'cpu', cores: 2, memoryGiB: 8, kernel: 'k', node: 'v', disk: 'd', date: '2026-01-01' }
  const report = { machine, rounds: 2, blockMs: 10, rows: await sampleRows() }
  const empty = `before\n<!-- results: written by npm run bench -- --docs -->\n<!-- end of results -->\nafter\n`
  const once = withResults(empty, report)
  assert.equal(withResults(once, report), once)
  assert.match(once, /^before\n.*\| \*\*ours <1> & co\*\* \| 7\.00 \| msg\/s \| 0\.70 \| 2\.50 \|.*\nafter\n$/s)
  assert.throws(() => withResults('no marks', report), /must have/)
})
