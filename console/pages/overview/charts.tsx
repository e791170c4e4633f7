/** The last ten minutes of the broker, second by second. */

import { useMemo } from 'preact/hooks'
import type { LiveTick } from '../../../src/console/api-types.js'
import { historySeconds, ticks } from '../../api/live.js'
import { Chart, type Series } from '../../components/chart.js'
import { Card } from '../../components/small.js'
import { bytes, milliseconds, short } from '../../format.js'

type Format = (value: number | null) => string

interface ChartShape {
  readonly title: string
  readonly lines: readonly (readonly [label: string, token: string, pick: (tick: LiveTick) => number | null])[]
  readonly isFilled?: boolean
  readonly format: Format
  readonly leastTop: number
  readonly isBinary?: boolean
}

const perSecond =
  (format: Format): Format =>
  (value) =>
    value === null ? format(value) : `${format(value)}/s`

const charts: readonly ChartShape[] = [
  {
    title: 'Messages',
    lines: [
      ['in', '--series-1', (tick) => tick.messagesInPerSecond],
      ['out', '--series-2', (tick) => tick.messagesOutPerSecond],
    ],
    isFilled: true,
    format: perSecond(short),
    leastTop: 10,
  },
  {
    title: 'Bytes',
    lines: [
      ['in', '--series-1', (tick) => tick.bytesInPerSecond],
      ['out', '--series-2', (tick) => tick.bytesOutPerSecond],
    ],
    isFilled: true,
    format: perSecond(bytes),
    leastTop: 10_240,
    isBinary: true,
  },
  {
    title: 'Flush latency',
    lines: [
      ['p50', '--series-1', (tick) => tick.flush.p50Ms],
      ['p95', '--series-2', (tick) => tick.flush.p95Ms],
      ['p99', '--series-3', (tick) => tick.flush.p99Ms],
    ],
    format: milliseconds,
    leastTop: 1,
  },
  {
    title: 'Messages per flush',
    lines: [['messages', '--series-1', (tick) => tick.messagesPerFlush]],
    isFilled: true,
    format: short,
    leastTop: 4,
  },
  {
    title: 'From append to acknowledgement',
    lines: [
      ['p50', '--series-1', (tick) => tick.append.p50Ms],
      ['p95', '--series-2', (tick) => tick.append.p95Ms],
      ['p99', '--series-3', (tick) => tick.append.p99Ms],
    ],
    format: milliseconds,
    leastTop: 1,
  },
  {
    title: 'Appends that wait',
    lines: [['appends', '--series-2', (tick) => tick.waitingAppends]],
    isFilled: true,
    format: short,
    leastTop: 4,
  },
]

/** What a chart may span, in seconds: a young broker's begin is not squeezed into a corner. */
const spans = [60, 120, 300, historySeconds]

function spanOf(times: readonly number[]): number {
  const known = times.length > 0 ? (times[times.length - 1] - times[0]) / 1000 : 0
  return spans.find((span) => span >= known) ?? historySeconds
}

export function LiveCharts() {
  const known = ticks.value
  const points = useMemo(() => withGaps(known), [known])
  const times = useMemo(() => points.map(({ timeMs }) => timeMs), [points])
  return (
    <div class="grid is-two overview-charts">
      {charts.map((shape) => (
        <Card key={shape.title} title={shape.title}>
          <OneChart shape={shape} points={points} times={times} />
        </Card>
      ))}
    </div>
  )
}

interface OneChartProps {
  readonly shape: ChartShape
  readonly points: readonly Point[]
  readonly times: readonly number[]
}

function OneChart({ shape, points, times }: OneChartProps) {
  const series = useMemo(
    () =>
      shape.lines.map(
        ([label, token, pick]): Series => ({
          label,
          token,
          values: points.map(({ tick }) => tick && pick(tick)),
          isFilled: shape.isFilled,
        }),
      ),
    [shape, points],
  )
  return (
    <Chart
      label={shape.title}
      times={times}
      series={series}
      format={shape.format}
      leastTop={shape.leastTop}
      isBinary={shape.isBinary}
      spanSeconds={spanOf(times)}
      shared="time"
    />
  )
}

interface Point {
  readonly timeMs: number
  /** null where the broker was not heard. */
  readonly tick: LiveTick | null
}

const gapMs = 3500

/** A time in which nothing was heard is a gap, not a straight line. */
function withGaps(known: readonly LiveTick[]): readonly Point[] {
  const points: Point[] = []
  for (const [index, tick] of known.entries()) {
    const before = known[index - 1]
    if (before && tick.timeMs - before.timeMs > gapMs) points.push({ timeMs: before.timeMs + 1000, tick: null })
    points.push({ timeMs: tick.timeMs, tick })
  }
  return points
}
