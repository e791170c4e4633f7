/**
 * The alert rules and the dashboard of docs/monitoring/: they ask for metrics and labels that exist, Prometheus' own tool
 * understands every query, and each alert fires where it should and nowhere else.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { metricNames, metricsTable } from '../../src/core/metrics/table.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { repository } from '../support/served-broker.js'
import { withoutPromtool } from '../support/tools.js'

const alertsPath = join(repository, 'docs/monitoring/holdfast-alerts.yml')
const unitTestsPath = join(import.meta.dirname, 'prometheus/alerts.promtool.yml')
const alerts = readFileSync(alertsPath, 'utf8')

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

const dashboard = JSON.parse(readFileSync(join(repository, 'docs/monitoring/holdfast-dashboard.json'), 'utf8')) as {
  readonly panels: readonly Panel[]
}
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

const skip = withoutPromtool()

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' })
  assert.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`)
}

/** The series of a metric by their full names; each with the labels that it has beside those of the scrape. */
const labelsOf = new Map<string, ReadonlySet<string>>(
  metricNames.flatMap((name): [string, Set<string>][] => {
    const { kind, labels } = metricsTable[name]
    const own = new Set<string>([...labels, 'instance', 'job'])
    if (kind !== 'histogram') return [[name, own]]
    return [
      [`${name}_bucket`, new Set([...own, 'le'])],
      [`${name}_sum`, own],
      [`${name}_count`, own],
    ]
  }),
)

/** What a text asks for that there is not. */
function unknownIn(text: string): string[] {
  const unknown: string[] = []
  for (const [, name, matchers = ''] of text.matchAll(/\b(mq_\w+)(?:\{([^}]*)\})?/g)) {
    const labels = labelsOf.get(name)
    if (labels === undefined) unknown.push(name)
    for (const [, label] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) {
      if (labels !== undefined && !labels.has(label)) unknown.push(`${name}{${label}}`)
    }
  }
  // What is summed by a label that no series under the sum has would be one nameless series.
  for (const [, by, inner] of text.matchAll(/\bby \(([^)]*)\) \((?:rate\(|increase\()?(mq_\w+)/g)) {
    for (const label of by.split(',').map((word) => word.trim())) {
      if (labelsOf.get(inner)?.has(label) === false) unknown.push(`${inner} by ${label}`)
    }
  }
  return unknown
}

test('the alert rules and the dashboard ask only for metrics and labels that exist', () => {
  assert.ok(queries.length > 40)
  for (const text of [alerts, ...queries]) assert.deepEqual(unknownIn(text), [])
})

test('a metric or label that is missing would be found', () => {
  assert.deepEqual(unknownIn('rate(mq_flush_duration_seconds[5m])'), ['mq_flush_duration_seconds'])
  assert.deepEqual(unknownIn('mq_disk_usage_ratio{topic="a"}'), ['mq_disk_usage_ratio{topic}'])
  assert.deepEqual(unknownIn('sum by (group) (rate(mq_flush_total[5m]))'), ['mq_flush_total by group'])
})

test('the dashboard shows every metric that is not of a single partition', () => {
  const text = queries.join('\n')
  const left = metricNames.filter((name) => !new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(text))
  assert.deepEqual(left, [
    'mq_io_errors_total',
    'mq_disk_size_bytes',
    'mq_index_size_bytes',
    'mq_connections_opened_total',
    'mq_log_start_offset',
    'mq_log_end_offset',
    'mq_log_durable_offset',
    'mq_consumer_group_members',
    'mq_recovery_bytes',
    'mq_compaction_runs_total',
    'mq_chore_failures_total',
  ])
})

test('the panels of the dashboard lie side by side', () => {
  const { panels } = dashboard
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Map<string, string>()
  for (const { title, gridPos } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.equal(taken.get(`${x} ${y}`), undefined, `${title} lies on ${taken.get(`${x} ${y}`)}`)
        taken.set(`${x} ${y}`, title)
      }
    }
  }
})

test('every alert has a unit test', () => {
  const tested = readFileSync(unitTestsPath, 'utf8')
  const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
  assert.ok(names.length > 10)
  for (const name of names) assert.match(tested, new RegExp(`alertname: ${name}\\n\\s+exp_alerts`), name)
})

test('promtool takes the alert rules', { skip }, () => promtool('check', 'rules', alertsPath))

test('promtool finds each alert firing where it should, and silent elsewhere', { skip }, () =>
  promtool('test', 'rules', unitTestsPath),
)

test('promtool understands every query of the dashboard', { skip }, async () => {
  const directory = await makeTemporaryDirectory('holdfast-promtool-')
  try {
    const rules = queries.map((query, i) => ({
      record: `dashboard:query:${i}`,
      expr: query.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
    }))
    const path = join(directory.path, 'queries.yml')
    // JSON is YAML.
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    promtool('check', 'rules', path)
  } finally {
    await directory.remove()
  }
})
