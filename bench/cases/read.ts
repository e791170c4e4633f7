/** Sequential reading of 1 KiB messages from the page cache: whole batches, and message by message. */

import { type Case, compare, hosted } from '../harness/case.js'

export const read: Case = {
  name: 'read',
  about: 'sequential read from the page cache',
  quick: true,
  run(bench) {
    const totalBytes = bench.effort.quick ? 256 << 20 : 2 * 2 ** 30
    const shape = { recordBytes: 1024, recordsPerBatch: 64, totalBytes, segmentBytes: 128 << 20 }
    const ours = (label: string, how: string) => hosted(bench, label, 'ours', 'holdfast-read', { ...shape, how })
    return compare(bench, {
      name: `read, 1 KiB messages, ${totalBytes / 2 ** 30} GiB`,
      level: '-',
      metrics: [{ unit: 'MB/s', better: 'higher' }],
      specs: [
        hosted(bench, 'fs.read of 1 MiB', 'floor', 'raw-read', { totalBytes }),
        ours('holdfast, Broker.fetch of 1 MiB', 'fetch'),
        ours('holdfast, mq.consume', 'consume'),
        ours('holdfast, mq.read of 1000', 'read'),
      ],
    })
  },
}
