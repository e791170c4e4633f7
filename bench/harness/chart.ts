/** The rows as one SVG picture: a group of bars a case, each bar as long as its share of the longest of its case. */

import { ratioText, shortNumber } from './print.js'
import type { Row } from './rows.js'

const width = 960
const labelWidth = 300
const barWidth = 380
const rowHeight = 18
const headHeight = 30
const margin = 16

const colours: Readonly<Record<Row['role'], string>> = {
  ours: '#1a7f5a',
  floor: '#8a8f98',
  reference: '#b8bcc4',
  peer: '#c7782c',
}

/** The first metric of each case: what it is about. */
export function chart(rows: readonly Row[], subtitle: string): string {
  const groups = groupRows(rows)
  const parts: string[] = []
  let y = margin + 44
  for (const group of groups) {
    const [{ case: name, level, unit, better }] = group
    y += headHeight
    parts.push(text(margin, y - 8, `${name}, ${unit}${better === 'lower' ? ' (less is better)' : ''}`, 'bold'))
    parts.push(text(width - margin, y - 8, level === '-' ? '' : level, 'bold', 'end'))
    const longest = Math.max(...group.map((row) => row.median))
    for (const row of group) {
      const length = Math.max(1, (row.median / longest) * barWidth)
      parts.push(text(labelWidth - 8, y + 13, row.contender, 'normal', 'end'))
      parts.push(
        `<rect x="${labelWidth}" y="${y + 3}" width="${length.toFixed(1)}" height="${rowHeight - 5}" fill="${colours[row.role]}"/>`,
      )
      parts.push(text(labelWidth + length + 6, y + 13, valueText(row)))
      y += rowHeight
    }
  }
  const height = y + margin
  const head =
    text(margin, margin + 12, 'Holdfast, the raw disk, and the peers', 'bold') + text(margin, margin + 32, subtitle)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>Benchmarks of Holdfast</title>
<rect width="100%" height="100%" fill="#fff"/>
${head}
${parts.join('\n')}
</svg>
`
}

function groupRows(rows: readonly Row[]): Row[][] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = `${row.case} ${row.level}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else if (group[0].unit === row.unit) group.push(row)
  }
  return [...groups.values()]
}

function valueText(row: Row): string {
  const floor = row.ratioToFloor === null || row.role === 'floor' ? '' : `, ${ratioText(row.ratioToFloor)} of the floor`
  const isCompared = row.ratioToBestPeer !== null && row.role === 'ours'
  const peer = isCompared ? `, ${ratioText(row.ratioToBestPeer)}x ${row.bestPeer}` : ''
  return `${shortNumber(row.median)}${floor}${peer}`
}

function text(x: number, y: number, content: string, weight = 'normal', anchor = 'start'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x}" y="${y}" font-weight="${weight}" text-anchor="${anchor}" fill="#222">${escaped}</text>`
}
