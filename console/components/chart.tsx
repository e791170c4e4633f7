/** A chart over time: lines or areas, with what the pointer is at written above. Charts of one page share the pointer. */

import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { clockTime, none } from '../format.js'
import { colorGeneration, colorOf } from './colors.js'

export interface Series {
  readonly label: string
  /** A colour of the style sheet: `--series-1`. */
  readonly token: string
  /** One for each time; null leaves a gap. */
  readonly values: readonly (number | null)[]
  readonly isFilled?: boolean
}

interface ChartProps {
  readonly label: string
  readonly times: readonly number[]
  readonly series: readonly Series[]
  readonly format: (value: number | null) => string
  readonly height?: number
  /** Shown by the axis at least this far, so that silence does not look like noise. */
  readonly leastTop?: number
  /** Seconds that the axis spans, to its right end. Without it, what there is. */
  readonly spanSeconds?: number
  /** Whether the axis counts in powers of two. */
  readonly isBinary?: boolean
  /** Of different things: "time" lets charts share the pointer. */
  readonly shared?: string
}

export function Chart(props: ChartProps) {
  const { label, times, series, format, height = 170 } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const [pointedAt, setPointedAt] = useState<number | null>(null)
  const latest = useRef(props)
  latest.current = props
  const colors = colorGeneration.value
  const shape = series.map(({ label: name, token, isFilled }) => `${name}/${token}/${isFilled}`).join()

  useEffect(() => {
    if (!box.current) return
    const made = new uPlot(
      optionsOf(latest, box.current.clientWidth, height, setPointedAt),
      dataOf(latest.current),
      box.current,
    )
    plot.current = made
    const observer = new ResizeObserver(([entry]) =>
      made.setSize({ width: Math.floor(entry.contentRect.width), height }),
    )
    observer.observe(box.current)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [shape, colors, height])

  useEffect(() => {
    plot.current?.setData(dataOf(latest.current))
  }, [times, series])

  const index = pointedAt ?? times.length - 1
  return (
    <figure class="chart" aria-label={label}>
      <figcaption>
        {series.map(({ label: name, token, values }) => (
          <span class="chart-key" key={name}>
            <i style={{ background: `var(${token})` }} />
            {name} <b>{index < 0 ? none : format(values[index] ?? null)}</b>
          </span>
        ))}
        <span class="chart-time">{pointedAt === null || !times[pointedAt] ? '' : clockTime(times[pointedAt])}</span>
      </figcaption>
      <div class="chart-plot" ref={box} style={{ height: `${height}px` }} />
    </figure>
  )
}

const powersOfTwo = Array.from({ length: 50 }, (_, power) => 2 ** power)

function dataOf({ times, series }: ChartProps): uPlot.AlignedData {
  return [times.map((ms) => ms / 1000), ...series.map(({ values }) => [...values])]
}

function optionsOf(
  latest: { readonly current: ChartProps },
  width: number,
  height: number,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const { series, shared, isBinary = false } = latest.current
  const line = colorOf('--line')
  const axis: uPlot.Axis = {
    stroke: colorOf('--text-quiet'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: false, y: false },
      ...(shared === undefined ? {} : { sync: { key: shared } }),
    },
    scales: {
      x: { range: (_, min, max) => rangeOfTimes(latest.current, min, max) },
      y: { range: (_, _min, max) => [0, Math.max(latest.current.leastTop ?? 1, (max ?? 0) * 1.08)] },
    },
    axes: [
      {
        ...axis,
        size: 22,
        gap: 4,
        space: 70,
        values: (_, splits) => timesOf(splits),
      },
      {
        ...axis,
        size: 62,
        ...(isBinary ? { incrs: powersOfTwo } : {}),
        gap: 6,
        space: 34,
        values: (_, splits) => splits.map((value) => latest.current.format(value)),
      },
    ],
    series: [
      {},
      ...series.map(({ token, isFilled }) => {
        const stroke = colorOf(token)
        const fill = isFilled ? stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.13)') : undefined
        return { stroke, fill, width: 1.5, points: { show: false } }
      }),
    ],
    hooks: {
      setCursor: [
        (made) => onPoint(made.cursor.left === undefined || made.cursor.left < 0 ? null : (made.cursor.idx ?? null)),
      ],
    },
  }
}

/** With seconds only where the marks are less than a minute apart. */
function timesOf(splits: readonly number[]): string[] {
  const length = splits.length > 1 && splits[1] - splits[0] < 60 ? 8 : 5
  return splits.map((seconds) => clockTime(seconds * 1000).slice(0, length))
}

function rangeOfTimes({ spanSeconds, times }: ChartProps, min: number, max: number): [number, number] {
  const end = times.length > 0 ? times[times.length - 1] / 1000 : Date.now() / 1000
  return spanSeconds === undefined ? [min ?? end - 60, max ?? end] : [end - spanSeconds, end]
}
