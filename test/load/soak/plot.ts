/** The samples of a soak as one SVG picture: a small chart for each figure, over the same time. */

import type { Sample } from './samples.js'
import { warmUp } from './verdict.js'

interface Line {
  readonly label: string
  readonly colour: string
  readonly of: (sample: Sample) => number | undefined
}

interface Chart {
  readonly title: string
  readonly lines: readonly Line[]
}

const mib = 1024 * 1024
const [green, orange, blue, grey] = ['#1a7f5a', '#c7782c', '#2a6fb0', '#8a8f98']

const inMib = (bytes: number | undefined): number | undefined => (bytes === undefined ? undefined : bytes / mib)

const charts: readonly Chart[] = [
  {
    title: 'Memory, MiB',
    lines: [
      { label: 'resident', colour: grey, of: ({ residentBytes }) => residentBytes / mib },
      { label: 'own', colour: green, of: ({ ownBytes }) => ownBytes / mib },
      { label: 'heap', colour: orange, of: ({ heapBytes }) => inMib(heapBytes) },
      { label: 'buffers', colour: blue, of: ({ bufferBytes }) => inMib(bufferBytes) },
    ],
  },
  {
    title: 'Open files and threads',
    lines: [
      { label: 'open files', colour: green, of: ({ openFiles }) => openFiles },
      { label: 'threads', colour: orange, of: ({ threads }) => threads },
    ],
  },
  { title: 'Files in the folder', lines: [{ label: 'files', colour: green, of: ({ files }) => files }] },
  {
    title: 'The folder on the disk, MiB',
    lines: [{ label: 'stored', colour: green, of: ({ storedBytes }) => storedBytes / mib }],
  },
  { title: 'Acknowledged sends a second', lines: [{ label: 'sends', colour: blue, of: ({ sends }) => sends }] },
  {
    title: 'Milliseconds',
    lines: [
      { label: 'send, p99', colour: orange, of: ({ sendP99Ms }) => sendP99Ms },
      { label: 'event loop delay', colour: green, of: ({ loopDelayMs }) => loopDelayMs },
    ],
  },
]

const size = { width: 960, chartWidth: 460, chartHeight: 200, left: 52, right: 14, top: 40, bottom: 26, head: 56 }

/** More points than there are pixels for are drawn as their maximum. */
const mostPoints = 400

export function plot(samples: readonly Sample[], subtitle: string): string {
  const end = samples.at(-1)?.seconds ?? 1
  const height = size.head + Math.ceil(charts.length / 2) * (size.chartHeight + 12) + 12
  const drawn = charts.map((chart, at) => {
    const x = 10 + (at % 2) * (size.chartWidth + 20)
    const y = size.head + Math.floor(at / 2) * (size.chartHeight + 12)
    return `<g transform="translate(${x} ${y})">${drawChart(chart, samples, end)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${height}" viewBox="0 0 ${size.width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>A soak of Holdfast</title>
<rect width="100%" height="100%" fill="#fff"/>
${text(16, 24, 'A soak of Holdfast: what the served process and its folder hold', { weight: 'bold' })}
${text(16, 44, subtitle)}
${drawn.join('\n')}
</svg>
`
}

function drawChart({ title, lines }: Chart, samples: readonly Sample[], end: number): string {
  const { chartWidth, chartHeight, left, right, top, bottom } = size
  const width = chartWidth - left - right
  const height = chartHeight - top - bottom
  const points = lines.map(({ of }) => pointsOf(samples, of))
  const most = niceAbove(Math.max(1, ...points.flat().map(([, value]) => value)))
  const atX = (seconds: number): string => (left + (seconds / end) * width).toFixed(1)
  const atY = (value: number): string => (top + height - (value / most) * height).toFixed(1)
  const warm = `<rect x="${left}" y="${top}" width="${(width * warmUp).toFixed(1)}" height="${height}" fill="#f2f3f5"/>`
  const grid = [0, 0.5, 1].map((part) => {
    const y = atY(most * part)
    return `<path d="M${left} ${y}H${left + width}" stroke="#ddd"/>${text(left - 6, Number(y) + 4, shortNumber(most * part), { anchor: 'end' })}`
  })
  const times = [0, 0.5, 1].map((part) =>
    text(left + width * part, chartHeight - 8, timeText(end * part), {
      anchor: part === 0 ? 'start' : part === 1 ? 'end' : 'middle',
    }),
  )
  const paths = points.map(
    (line, at) =>
      `<polyline fill="none" stroke="${lines[at].colour}" stroke-width="1.2" points="${line.map(([x, y]) => `${atX(x)},${atY(y)}`).join(' ')}"/>`,
  )
  let legendAt = left
  const legend = lines.map(({ label, colour }) => {
    const drawn = text(legendAt, 32, label, { colour })
    legendAt += 24 + label.length * 7
    return drawn
  })
  return [text(left, 16, title, { weight: 'bold' }), warm, ...grid, ...times, ...legend, ...paths].join('\n')
}

/** The greatest value of each of the many slices of the time. */
function pointsOf(samples: readonly Sample[], of: Line['of']): (readonly [number, number])[] {
  const step = Math.ceil(samples.length / mostPoints)
  const points: (readonly [number, number])[] = []
  for (let at = 0; at < samples.length; at += step) {
    const values = samples
      .slice(at, at + step)
      .map(of)
      .filter((value) => value !== undefined)
    if (values.length > 0) points.push([samples[at].seconds, Math.max(...values)])
  }
  return points
}

function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power
}

function shortNumber(value: number): string {
  return value >= 10_000 ? `${value / 1000}k` : String(Number(value.toPrecision(3)))
}

function timeText(seconds: number): string {
  return seconds >= 120 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds)} s`
}

function text(
  x: number,
  y: number,
  content: string,
  { weight = 'normal', anchor = 'start', colour = '#222' }: { weight?: string; anchor?: string; colour?: string } = {},
): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x}" y="${y}" font-weight="${weight}" text-anchor="${anchor}" fill="${colour}">${escaped}</text>`
}
