/** Appends acknowledged from the page cache (D1): arrays of a thousand messages through `sendMany`. */

import { type Case, compare, hosted } from '../harness/case.js'

const perCall = 1000
const callers = 4
const sizeBytes = 100

export const async: Case = {
  name: 'async',
  about: 'sendMany of 1000 messages, acknowledged from the page cache',
  quick: true,
  run(bench) {
    const settings = { 'flush.disk.type': 'ASYNC_FLUSH' }
    return compare(bench, {
      name: `async, sendMany of ${perCall} x ${sizeBytes} B, ${callers} callers`,
      level: 'D1',
      metrics: [{ unit: 'msg/s', better: 'higher' }],
      plan: { settle: bench.workspace.path },
      specs: [
        hosted(bench, 'raw loop, one buffer a call', 'floor', 'raw-loop', {
          dsync: false,
          emptied: true,
          sizeBytes: sizeBytes * perCall,
          callers,
          perCall,
        }),
        hosted(bench, 'holdfast, ASYNC_FLUSH', 'ours', 'holdfast-many', { settings, sizeBytes, callers, perCall }),
        hosted(bench, 'holdfast, SYNC_FLUSH', 'reference', 'holdfast-many', { sizeBytes, callers, perCall }),
      ],
    })
  },
}
