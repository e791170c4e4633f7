/** A report whose fields are not known beforehand, as names and values; what lies deeper stands below. */

import type { ComponentChildren } from 'preact'
import { Facts } from '../components/small.js'
import { bytes, count, dateTime, milliseconds, plural, span } from '../format.js'

type Report = Readonly<Record<string, unknown>>

const shownEntries = 100

export function ReportView({ report }: { report: Report }) {
  const entries = Object.entries(report)
  const flat = entries.filter(([, value]) => !isDeep(value))
  const deep = entries.filter(([, value]) => isDeep(value))
  return (
    <>
      {flat.length > 0 && <Facts of={flat.map(([name, value]) => [inWords(name), inFigures(name, value)])} />}
      {deep.map(([name, value]) => (
        <section class="report-part" key={name}>
          <h3>{inWords(name)}</h3>
          {Array.isArray(value) ? <ReportList of={value} /> : <ReportView report={value as Report} />}
        </section>
      ))}
    </>
  )
}

function ReportList({ of }: { of: readonly unknown[] }) {
  const texts = of.slice(0, shownEntries).map((entry) => (isReport(entry) ? pairs(entry) : String(entry)))
  return (
    <ul class="findings">
      {texts.map((text) => (
        <li key={text}>{text}</li>
      ))}
      {of.length > shownEntries && <li>and {plural(of.length - shownEntries, 'entry', 'entries')} more</li>}
    </ul>
  )
}

function pairs(report: Report): string {
  return Object.entries(report)
    .map(
      ([name, value]) => `${inWords(name)}: ${isDeep(value) ? JSON.stringify(value) : String(inFigures(name, value))}`,
    )
    .join(', ')
}

function isReport(value: unknown): value is Report {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isDeep(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : isReport(value) && Object.keys(value).length > 0
}

/** "bytesScanned" → "Bytes scanned". The unit goes into the figure. */
function inWords(name: string): string {
  const words = name
    .replace(/(?<=[a-z])(AtMs|Ms)$/, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[_.-]/g, ' ')
    .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function inFigures(name: string, value: unknown): ComponentChildren {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value === null || value === undefined) return 'none'
  if (Array.isArray(value) || isReport(value)) return 'none'
  if (typeof value !== 'number') return String(value)
  if (/AtMs$/.test(name)) return dateTime(value)
  if (/Ms$/.test(name)) return value < 1000 ? milliseconds(value) : span(value)
  return /bytes/i.test(name) ? bytes(value) : count(value)
}
