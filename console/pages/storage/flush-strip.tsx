/** The latest flushes on a line of time: as high as they were long, as broad as they carried bytes. */

import type { StoredLog } from '../../../src/console/api-types.js'
import { Empty } from '../../components/states.js'
import { bytes, clockTime, fromNow, milliseconds, plural } from '../../format.js'

type Flush = StoredLog['flushes'][number]

const width = 1000
const height = 72
/** At least this much time is shown, so that two flushes are not a wall. */
const leastSpanMs = 5000

export function FlushStrip({ flushes }: { flushes: readonly Flush[] }) {
  if (flushes.length === 0) {
    return (
      <div class="flush-empty">
        <Empty title="No flush yet since the start.">Send a message, and its flush is seen here.</Empty>
      </div>
    )
  }
  const last = flushes[flushes.length - 1]
  const span = Math.max(leastSpanMs, last.timeMs - flushes[0].timeMs)
  const longest = Math.max(1, ...flushes.map(({ durationMs }) => durationMs))
  const most = Math.max(1, ...flushes.map((flush) => flush.bytes))
  return (
    <>
      <p class="flush-last">
        <span>
          Last flush <b>{clockTime(last.timeMs)}</b>
          <span class="quiet-text"> {fromNow(last.timeMs)}</span>
        </span>
        <span>
          took <b>{milliseconds(last.durationMs)}</b>
        </span>
        <span>
          made <b>{plural(last.messages, 'message')}</b> durable
        </span>
        <span>
          <b>{bytes(last.bytes)}</b>
        </span>
        <span class="quiet-text">longest {milliseconds(longest)}</span>
      </p>
      <svg
        class="flush-strip"
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label="The latest flushes"
      >
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
        {flushes.map((flush) => {
          const breadth = 2 + 8 * (flush.bytes / most)
          const tall = Math.max(3, (flush.durationMs / longest) * (height - 6))
          const x = width - breadth - ((last.timeMs - flush.timeMs) / span) * (width - 12)
          return (
            <rect
              key={`${flush.timeMs}/${flush.messages}/${flush.bytes}`}
              class={flush === last ? 'is-last' : undefined}
              x={x}
              y={height - tall}
              width={breadth}
              height={tall}
            >
              <title>{inWords(flush)}</title>
            </rect>
          )
        })}
      </svg>
      <div class="flush-axis">
        <span>{clockTime(last.timeMs - span)}</span>
        <span>{clockTime(last.timeMs)}</span>
      </div>
    </>
  )
}

function inWords(flush: Flush): string {
  const { timeMs, durationMs, messages } = flush
  return `${clockTime(timeMs)}: ${milliseconds(durationMs)}, ${plural(messages, 'message')}, ${bytes(flush.bytes)}`
}
