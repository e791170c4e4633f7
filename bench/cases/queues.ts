/**
 * Durable appends over ever more queues: a file for each (segments), or one log under all (commitlog), and RocketMQ beside
 * it with its own client. Where the two layouts cross is the advice of docs/durability.md.
 */

import { findRocketMq } from '../../test/support/rocketmq/jars.js'
import { type Bench, type Case, compare, hosted } from '../harness/case.js'
import type { Spec } from '../harness/contender.js'
import type { Metric, Row } from '../harness/rows.js'
import { rocketMqPeer } from '../rocketmq.js'

const metrics: readonly Metric[] = [{ unit: 'msg/s', better: 'higher' }]
const load = { sizeBytes: 1024, callers: 1000 }
const counts = [1, 10, 100, 1000, 10_000]
const quickCounts = [1, 100, 10_000]
const layouts = ['commitlog', 'segments'] as const

type Through = 'library' | 'store'

function ours(bench: Bench, role: Spec['role'], layout: string, queues: number, through: Through): Spec {
  const label = `${layout}, ${named(queues)}`
  return hosted(bench, label, role, 'queues', { ...load, queues, through, settings: { 'storage.layout': layout } })
}

function named(queues: number): string {
  return queues === 1 ? '1 queue' : `${queues.toLocaleString('en')} queues`
}

/** How the rate falls from one queue to many, of one layout: within one run. */
function growing(bench: Bench, through: Through, among: readonly number[]): Promise<Row[]> {
  const specs = among.map((queues) => ours(bench, queues === 1 ? 'floor' : 'ours', 'commitlog', queues, through))
  const how = through === 'library' ? 'mq.send' : 'one record an append'
  return compare(bench, {
    name: `durable over many queues, commitlog, ${how}, 1 KiB, 1000 callers`,
    level: 'D2',
    metrics,
    specs,
  })
}

export const queues: Case = {
  name: 'queues',
  about: 'durable appends over 1 to 10,000 queues: both layouts, and RocketMQ',
  quick: false,
  async run(bench) {
    const among = bench.effort.quick ? quickCounts : counts
    const rows = [...(await growing(bench, 'store', among)), ...(await growing(bench, 'library', among))]
    const rocketMq = await findRocketMq(bench.say)
    for (const count of among) {
      const specs = layouts.map((layout) =>
        ours(bench, layout === 'commitlog' ? 'floor' : 'ours', layout, count, 'library'),
      )
      if (rocketMq !== undefined)
        specs.push(rocketMqPeer(bench, rocketMq, { queues: count, senders: 100, sizeBytes: load.sizeBytes }))
      const name = `durable over ${named(count)}, 1 KiB`
      rows.push(...(await compare(bench, { name, level: 'D2', metrics, specs })))
    }
    return rows
  },
}
