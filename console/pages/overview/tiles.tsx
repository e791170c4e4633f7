/** The figures that say most, each with the line of its last minutes. */

import type { LiveTick } from '../../../src/console/api-types.js'
import { liveState, ticks } from '../../api/live.js'
import { Sparkline } from '../../components/sparkline.js'
import { bytes, count, milliseconds, short } from '../../format.js'

interface Tile {
  readonly label: string
  readonly value: (tick: LiveTick | undefined) => string
  readonly unit?: string
  readonly beside?: (tick: LiveTick | undefined) => string
  readonly line: (tick: LiveTick) => number | null
  readonly token: string
}

const tiles: readonly Tile[] = [
  {
    label: 'Messages in',
    value: (tick) => short(tick?.messagesInPerSecond),
    unit: '/s',
    beside: (tick) => `${bytes(tick?.bytesInPerSecond)}/s`,
    line: (tick) => tick.messagesInPerSecond,
    token: '--series-1',
  },
  {
    label: 'Messages out',
    value: (tick) => short(tick?.messagesOutPerSecond),
    unit: '/s',
    beside: (tick) => `${bytes(tick?.bytesOutPerSecond)}/s`,
    line: (tick) => tick.messagesOutPerSecond,
    token: '--series-2',
  },
  {
    label: 'Flush latency, p99',
    value: (tick) => milliseconds(tick?.flush.p99Ms),
    beside: (tick) => `${short(tick?.flushesPerSecond)} flushes/s`,
    line: (tick) => tick.flush.p99Ms,
    token: '--series-3',
  },
  {
    label: 'Messages per flush',
    value: (tick) => short(tick?.messagesPerFlush),
    line: (tick) => tick.messagesPerFlush,
    token: '--series-1',
  },
  {
    label: 'Acknowledgement, p99',
    value: (tick) => milliseconds(tick?.append.p99Ms),
    beside: (tick) => `${count(tick?.waitingAppends)} waiting`,
    line: (tick) => tick.append.p99Ms,
    token: '--series-3',
  },
]

/** Seconds that the lines show. */
const lineSeconds = 180

export function Tiles() {
  const known = ticks.value
  const now = known[known.length - 1]
  const recent = known.slice(-lineSeconds)
  return (
    <div class={`tiles${liveState.value === 'waiting' ? ' is-stale' : ''}`}>
      {tiles.map(({ label, value, unit, beside, line, token }) => (
        <section class="tile" key={label} aria-label={label}>
          <div class="tile-label">{label}</div>
          <div class="tile-figures">
            <span class="tile-value">
              {value(now)}
              {unit && <small> {unit}</small>}
            </span>
            {beside && <span class="tile-beside">{beside(now)}</span>}
          </div>
          <Sparkline values={recent.map(line)} token={token} />
        </section>
      ))}
    </div>
  )
}
