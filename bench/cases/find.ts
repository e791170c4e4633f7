/** Finding a message by its key among ten million, and not finding one that is not there. */

import { type Case, compare, hosted } from '../harness/case.js'

export const find: Case = {
  name: 'find',
  about: 'a message by its key, through the key index',
  quick: false,
  run(bench) {
    const messages = bench.effort.quick ? 500_000 : 10_000_000
    const shape = { messages, valueBytes: 128, recordsPerBatch: 100 }
    return compare(bench, {
      name: `find by key among ${messages / 1e6} million, 128 bytes`,
      level: '-',
      metrics: [
        { unit: 'ms p50', better: 'lower', key: 'p50Ms' },
        { unit: 'ms p99', better: 'lower', key: 'p99Ms' },
        { unit: 'ms p50 of a miss', better: 'lower', key: 'missP50Ms' },
      ],
      specs: [hosted(bench, 'holdfast, mq.find', 'ours', 'holdfast-find', shape)],
      shown: ['missP99Ms', 'builtPerSecond', 'bytesPerEntry', 'files', 'memoryMiB'],
    })
  },
}
