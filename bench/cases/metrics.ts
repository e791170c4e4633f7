/**
 * What counting costs: the same load with metrics on, looked at once a second, and off. The floor is "off", so `/ floor` is
 * the share of the throughput that is left; the CPU time of a message says the same where the disk is not to be trusted.
 */

import { type Case, compare, hosted } from '../harness/case.js'
import type { Row } from '../harness/rows.js'

const loads = [
  {
    name: 'durable, 1 KiB, 100 callers',
    kind: 'holdfast',
    level: 'D2',
    options: { sizeBytes: 1024, callers: 100 },
  },
  {
    name: 'async, sendMany of 1000 x 100 B, 4 callers',
    kind: 'holdfast-many',
    level: 'D1',
    options: { sizeBytes: 100, callers: 4, perCall: 1000, settings: { 'flush.disk.type': 'ASYNC_FLUSH' } },
  },
  {
    // A batch and a round for each message: as much counting per message as there can be.
    name: 'async, 100 B, 1 caller',
    kind: 'holdfast',
    level: 'D1',
    options: { sizeBytes: 100, callers: 1, settings: { 'flush.disk.type': 'ASYNC_FLUSH' } },
  },
] as const

export const metrics: Case = {
  name: 'metrics',
  about: 'the same load with metrics on and off',
  quick: false,
  async run(bench) {
    const rows: Row[] = []
    for (const { name, kind, level, options } of loads) {
      const found = await compare(bench, {
        name: `metrics, ${name}`,
        level,
        metrics: [
          { unit: 'msg/s', better: 'higher' },
          { unit: 'CPU us/msg', better: 'lower', key: 'cpuUsPerMessage' },
        ],
        plan: { settle: bench.workspace.path },
        specs: [
          hosted(bench, 'metrics off', 'floor', kind, options),
          hosted(bench, 'metrics on', 'ours', kind, { ...options, metrics: true }),
        ],
      })
      rows.push(...found)
    }
    return rows
  },
}
