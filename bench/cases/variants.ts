/** Both file engines with each way of preparing files: which default is right, and what each costs at the tail. */

import { type Case, compare, hosted } from '../harness/case.js'
import type { Row } from '../harness/rows.js'
import { segmentBytesFor } from './durable.js'

const sizeBytes = 1024

const disk = (preallocate: string): [string, Record<string, string>] => [
  `disk, preallocate=${preallocate}`,
  { 'file.preallocate': preallocate },
]
const mmap = (preallocate: string, warmup: string): [string, Record<string, string>] => [
  `mmap, preallocate=${preallocate}, warmup=${warmup}`,
  { 'file.engine': 'mmap', 'file.preallocate': preallocate, 'file.warmup': warmup },
]
const setUps = [
  ...['none', 'ahead', 'fallocate', 'zero'].map(disk),
  ...['none', 'touch', 'lock'].map((warmup) => mmap('ahead', warmup)),
  ...['none', 'touch', 'lock'].map((warmup) => mmap('zero', warmup)),
]

export const variants: Case = {
  name: 'variants',
  about: 'file.engine x file.preallocate x file.warmup, at the tail',
  quick: false,
  async run(bench) {
    const rows: Row[] = []
    for (const callers of [1, 100]) {
      const load = { sizeBytes, callers }
      const bytes = segmentBytesFor(load, bench.effort.blockMs)
      const specs = [
        hosted(bench, 'raw loop, zero-filled file', 'floor', 'raw-loop', { ...load, dsync: true, fillBytes: bytes }),
        ...setUps.map(([label, settings]) => {
          const preparedBytes = settings['file.preallocate'] === 'zero' ? bytes : undefined
          const all = { ...settings, 'log.segment.bytes': bytes }
          return hosted(bench, label, 'ours', 'holdfast', { ...load, settings: all, preparedBytes })
        }),
      ]
      const metrics = [
        { unit: 'msg/s', better: 'higher' },
        { unit: 'ms p99', better: 'lower', key: 'p99Ms' },
        { unit: 'ms p99.9', better: 'lower', key: 'p999Ms' },
      ] as const
      rows.push(
        ...(await compare(bench, {
          name: `variants, 1 KiB, ${callers === 1 ? '1 caller' : `${callers} callers`}`,
          level: 'D2',
          metrics,
          printed: 1,
          specs,
        })),
      )
    }
    return rows
  },
}
