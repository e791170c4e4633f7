/** Serving reads: 1 MiB a fetch from sealed segments to a loopback socket, against `socket.write` of mapped bytes. */

import { type Case, compare } from '../harness/case.js'
import { inChild } from '../harness/child.js'
import { type SampleLog, sampleBatch, writeSampleLog } from '../sample-log.js'
import { servedHoldfast, servedRaw } from '../served.js'

const answerBytes = 1 << 20
const window = 4
/** Eight of these with their headers just fill an answer. */
const shape = { recordBytes: 1024, recordsPerBatch: 126 }
const batchesPerSegment = 512

export const fetch: Case = {
  name: 'fetch',
  about: 'fetches of 1 MiB from sealed segments to a loopback socket',
  quick: true,
  run(bench) {
    const totalBytes = bench.effort.quick ? 256 << 20 : 1 << 30
    const common = { window, frameBytes: answerBytes, counted: 'received' }
    const segmentBytes = batchesPerSegment * sampleBatch(shape).length
    let log: SampleLog = { batches: 0, batchBytes: 1 }
    const fill = async (dataDir: string) => {
      log = await writeSampleLog(dataDir, shape, totalBytes, segmentBytes)
    }
    const ours = (label: string, settings = {}) =>
      servedHoldfast(bench, label, { fill, settings }, (port) => {
        // The last segment is not sealed.
        const batches = log.batches - batchesPerSegment
        return inChild('pump', { ...common, ...shape, what: 'fetch', port, batches, batchBytes: log.batchBytes })
      })
    return compare(bench, {
      name: `fetch, 1 MiB an answer, ${window} under way`,
      level: '-',
      metrics: [{ unit: 'MB/s', better: 'higher' }],
      specs: [
        servedRaw(
          bench,
          'socket.write of a mapped slice',
          'floor',
          'mapped-server',
          { totalBytes, pieceBytes: answerBytes },
          { ...common, what: 'raw', frameBytes: 64 },
        ),
        ours('holdfast serve'),
        ours('holdfast serve, mapping off', { 'file.map.count': 0 }),
      ],
      shown: ['p50Ms', 'p99Ms', 'p999Ms', 'clientCpuCores'],
    })
  },
}
