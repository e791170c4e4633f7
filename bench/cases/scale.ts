/** What must not cost more as a data directory grows: an append to a long log, or beside partitions that are idle. */

import { type Bench, type Case, compare, hosted } from '../harness/case.js'
import type { Metric, Row } from '../harness/rows.js'

const metrics: readonly Metric[] = [
  { unit: 'ms p50', better: 'lower', key: 'p50Ms' },
  { unit: 'ms p99', better: 'lower', key: 'p99Ms' },
]
const idlePartitions = 1000
const manyPartitions = 10_000

function pair(bench: Bench, name: string, callers: number, small: [string, object], large: [string, object]) {
  const append = { sizeBytes: 1024, callers }
  return compare(bench, {
    name: `${name}, 1 KiB, ${callers === 1 ? '1 caller' : `${callers} callers`}`,
    level: 'D2',
    metrics,
    specs: [
      hosted(bench, small[0], 'floor', 'holdfast', { ...append, ...small[1] }),
      hosted(bench, large[0], 'ours', 'holdfast', { ...append, ...large[1] }),
    ],
  })
}

export const scale: Case = {
  name: 'scale',
  about: 'append latency on long logs and beside idle partitions; 10,000 partitions',
  quick: false,
  async run(bench) {
    const { quick } = bench.effort
    const [small, large] = quick ? [64 << 20, 2 ** 30] : [2 ** 30, 20 * 2 ** 30]
    const size = (bytes: number) => (bytes < 2 ** 30 ? `${bytes >> 20} MiB` : `${bytes / 2 ** 30} GiB`)
    const filled = (bytes: number): [string, object] => [
      `log of ${size(bytes)}`,
      { prefillBytes: bytes, settings: { 'log.segment.bytes': 256 << 20 } },
    ]
    const rows: Row[] = []
    for (const callers of [1, 100]) {
      rows.push(...(await pair(bench, 'log length', callers, filled(small), filled(large))))
      const idle: [string, object] = [`${idlePartitions} idle partitions`, { idlePartitions }]
      rows.push(...(await pair(bench, 'idle partitions', callers, ['no other partition', {}], idle)))
    }
    rows.push(
      ...(await compare(bench, {
        name: `${manyPartitions} partitions created, written, closed`,
        level: 'D2',
        metrics: [{ unit: 's', better: 'lower' }],
        plan: { rounds: 1, warmupMs: 0 },
        specs: [manyPartitionsOnce(bench)],
        shown: ['createMs', 'writeMs', 'closeMs', 'mostDescriptors'],
      })),
    )
    return rows
  },
}

/** Its block can run once only, so the warm-up does nothing. */
function manyPartitionsOnce(bench: Bench) {
  const spec = hosted(bench, 'holdfast', 'ours', 'many-partitions', { partitions: manyPartitions })
  return {
    ...spec,
    async start() {
      const contender = await spec.start()
      const block = (ms: number) => (ms === 0 ? Promise.resolve({ value: 0, detail: {} }) : contender.block(ms))
      return { ...contender, block }
    },
  }
}
