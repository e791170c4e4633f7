/** Writes docs/monitoring/holdfast-dashboard.json, a dashboard for Grafana 10 and later, from the panels below. */

/** A query, and how its series are called. */
type Query = readonly [expression: string, legend: string]

interface Panel {
  readonly title: string
  readonly help: string
  readonly unit: 'short' | 's' | 'bytes' | 'Bps' | 'percentunit' | 'ops' | 'h'
  readonly queries: readonly Query[]
  /** One number of the moment; from these values on it turns orange and red. */
  readonly stat?: { readonly orange: number; readonly red: number; readonly isLowBad?: boolean }
  readonly stacked?: boolean
}

interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** The chosen brokers. */
const at = 'instance=~"$instance"'
const window = '$__rate_interval'

const rate = (metric: string, by: string, labels = '') => {
  const matchers = labels === '' ? at : `${at},${labels}`
  return `sum by (${by}) (rate(${metric}{${matchers}}[${window}]))`
}
const quantiles = (metric: string, labels = ''): readonly Query[] =>
  [0.5, 0.95, 0.99].map(
    (q): Query => [`histogram_quantile(${q}, ${rate(`${metric}_bucket`, 'le', labels)})`, `p${q * 100}`],
  )
const mean = (metric: string, by: string) => `${rate(`${metric}_sum`, by)} / ${rate(`${metric}_count`, by)}`
const gauge = (metric: string, by: string) => `sum by (${by}) (${metric}{${at}})`

const rows: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      {
        title: 'Messages in',
        help: 'Messages that are acknowledged each second.',
        unit: 'ops',
        queries: [[`sum(rate(mq_appended_messages_total{${at}}[${window}]))`, 'in']],
        stat: { orange: Number.POSITIVE_INFINITY, red: Number.POSITIVE_INFINITY },
      },
      {
        title: 'Flush, 99 of 100',
        help: 'So long, or less, take 99 of 100 flushes. Above 100 ms on average there is advice.',
        unit: 's',
        queries: [[`histogram_quantile(0.99, sum by (le) (rate(mq_flush_duration_seconds_bucket{${at}}[5m])))`, 'p99']],
        stat: { orange: 0.1, red: 1 },
      },
      {
        title: 'Disk used',
        help: 'The fullest of the chosen brokers.',
        unit: 'percentunit',
        queries: [[`max(mq_disk_usage_ratio{${at}})`, 'used']],
        stat: { orange: 0.8, red: 0.95 },
      },
      {
        title: 'Disk full in',
        help: 'Hours, at the growth of the last hour; empty where the disk does not grow.',
        unit: 'h',
        queries: [[`min(mq_disk_free_bytes{${at}} / (-deriv(mq_disk_free_bytes{${at}}[1h]) > 0)) / 3600`, 'hours']],
        stat: { orange: 24, red: 4, isLowBad: true },
      },
      {
        title: 'Failed partitions',
        help: 'Partitions that refuse messages, and those in which damage was met.',
        unit: 'short',
        queries: [
          [`sum(mq_failed_partitions{${at}})`, 'failed'],
          [`sum(mq_damaged_partitions{${at}})`, 'damaged'],
        ],
        stat: { orange: 1, red: 1 },
      },
      {
        title: 'Furthest behind',
        help: 'Messages that the slowest group has not committed.',
        unit: 'short',
        queries: [[`max(sum by (instance, group) (mq_consumer_lag{${at}}))`, 'lag']],
        stat: { orange: 10_000, red: 1_000_000 },
      },
    ],
  },
  {
    title: 'Messages',
    panels: [
      {
        title: 'Messages a second',
        help: 'Acknowledged, and given to readers.',
        unit: 'ops',
        queries: [
          [rate('mq_appended_messages_total', 'instance'), 'in {{instance}}'],
          [rate('mq_fetched_messages_total', 'instance'), 'out {{instance}}'],
        ],
      },
      {
        title: 'Bytes a second',
        help: 'Of record batches, as they lie on the disk.',
        unit: 'Bps',
        queries: [
          [rate('mq_appended_bytes_total', 'instance'), 'in {{instance}}'],
          [rate('mq_fetched_bytes_total', 'instance'), 'out {{instance}}'],
        ],
      },
      {
        title: 'Append, end to end',
        help: 'From the arrival of a batch until it is acknowledged.',
        unit: 's',
        queries: quantiles('mq_append_duration_seconds'),
      },
      {
        title: 'Fetch, of those that wait for nothing',
        help: 'From the arrival of a fetch until its answer.',
        unit: 's',
        queries: quantiles('mq_fetch_duration_seconds', 'outcome="immediate"'),
      },
      {
        title: 'Messages in a batch',
        help: 'Near 1 most of the work is for the batches: let producers gather (linger.ms).',
        unit: 'short',
        queries: [
          [
            `${rate('mq_appended_messages_total', 'instance')} / ${rate('mq_appended_batches_total', 'instance')}`,
            '{{instance}}',
          ],
        ],
      },
      {
        title: 'Refused a second',
        help: 'By error code; docs/errors.md says what each means.',
        unit: 'ops',
        queries: [[rate('mq_refused_requests_total', 'error'), '{{error}}']],
        stacked: true,
      },
    ],
  },
  {
    title: 'Flushing',
    panels: [
      {
        title: 'Flush duration',
        help: 'Writing what has gathered and making it durable.',
        unit: 's',
        queries: quantiles('mq_flush_duration_seconds'),
      },
      {
        title: 'Flushes a second',
        help: 'By layout and how they ended.',
        unit: 'ops',
        queries: [[rate('mq_flush_total', 'layout, result'), '{{layout}} {{result}}']],
      },
      {
        title: 'Messages in a flush',
        help: 'What shares the price of one flush.',
        unit: 'short',
        queries: [[mean('mq_messages_per_flush', 'policy, layout'), '{{policy}} {{layout}}']],
      },
      {
        title: 'Waiting',
        help: 'Appends that wait for their flush, and durable calls that wait for a thread of the pool.',
        unit: 'short',
        queries: [
          [gauge('mq_waiting_appends', 'instance'), 'appends {{instance}}'],
          [gauge('mq_durable_calls_waiting', 'instance'), 'for a thread {{instance}}'],
        ],
      },
      {
        title: 'Not durable yet',
        help: 'Messages that a loss of power could take: what is on its way, under ASYNC_FLUSH more.',
        unit: 'short',
        queries: [[`topk(10, ${gauge('mq_log_undurable_messages', 'topic')})`, '{{topic}}']],
      },
      {
        title: 'Time-outs of flushes',
        help: 'Appends that were told FLUSH_DISK_TIMEOUT.',
        unit: 'ops',
        queries: [[rate('mq_refused_requests_total', 'instance', 'error="FLUSH_DISK_TIMEOUT"'), '{{instance}}']],
      },
    ],
  },
  {
    title: 'Disk',
    panels: [
      {
        title: 'How full',
        help: 'Of the file system that holds the logs.',
        unit: 'percentunit',
        queries: [[`max by (instance) (mq_disk_usage_ratio{${at}})`, '{{instance}}']],
      },
      {
        title: 'What the logs hold',
        help: 'Without indexes and prepared files.',
        unit: 'bytes',
        queries: [[gauge('mq_store_size_bytes', 'layout'), '{{layout}}']],
        stacked: true,
      },
      {
        title: 'Growth in an hour',
        help: 'Negative where retention takes more than comes in.',
        unit: 'bytes',
        queries: [[gauge('mq_store_hourly_growth_bytes', 'instance'), '{{instance}}']],
      },
      {
        title: 'Read and written',
        help: 'By kind of file.',
        unit: 'Bps',
        queries: [[rate('mq_io_bytes_total', 'direction, kind'), '{{direction}} {{kind}}']],
      },
      {
        title: 'Calls to the disk, 99 of 100',
        help: 'By what they do.',
        unit: 's',
        queries: [
          [`histogram_quantile(0.99, ${rate('mq_io_duration_seconds_bucket', 'le, operation')})`, '{{operation}}'],
        ],
      },
      {
        title: 'Removed and compacted',
        help: 'Bytes that retention removed, and that compaction took in and gave out.',
        unit: 'Bps',
        queries: [
          [rate('mq_retention_removed_bytes_total', 'layout'), 'removed {{layout}}'],
          [rate('mq_compaction_bytes_total', 'direction'), 'compaction {{direction}}'],
        ],
      },
    ],
  },
  {
    title: 'Groups and connections',
    panels: [
      {
        title: 'Lag of the ten that are furthest behind',
        help: 'Messages that a group has not committed.',
        unit: 'short',
        queries: [[`topk(10, ${gauge('mq_consumer_lag', 'group')})`, '{{group}}']],
      },
      {
        title: 'Groups by state',
        help: 'Stable is at work, Empty has no members.',
        unit: 'short',
        queries: [[gauge('mq_consumer_groups', 'state'), '{{state}}']],
        stacked: true,
      },
      {
        title: 'Rebalances a minute',
        help: 'Each makes its group stop for a moment.',
        unit: 'short',
        queries: [[`60 * ${rate('mq_rebalances_total', 'instance')}`, '{{instance}}']],
      },
      {
        title: 'Connections',
        help: 'Of the Kafka protocol.',
        unit: 'short',
        queries: [[gauge('mq_connections', 'instance'), '{{instance}}']],
      },
      {
        title: 'Requests a second',
        help: 'By API of the Kafka protocol, the ten most frequent.',
        unit: 'ops',
        queries: [[`topk(10, ${rate('mq_requests_total', 'api')})`, '{{api}}']],
      },
      {
        title: 'Topics and partitions',
        help: 'What the brokers serve.',
        unit: 'short',
        queries: [
          [gauge('mq_topics', 'instance'), 'topics {{instance}}'],
          [gauge('mq_partitions', 'instance'), 'partitions {{instance}}'],
        ],
      },
    ],
  },
  {
    title: 'Copies',
    panels: [
      {
        title: 'Who leads, and in which epoch',
        help: '1 for the node that answers clients; the epoch grows with each beginning of a leadership.',
        unit: 'short',
        queries: [
          [gauge('mq_replication_leader', 'instance'), 'leads {{instance}}'],
          [gauge('mq_replication_epoch', 'instance'), 'epoch {{instance}}'],
        ],
      },
      {
        title: 'In sync, of those that are there',
        help: 'Nodes that have all that was acknowledged with acks=all, the leader among them.',
        unit: 'short',
        queries: [
          [gauge('mq_replication_in_sync_replicas', 'instance'), 'in sync {{instance}}'],
          [gauge('mq_replication_replicas', 'instance'), 'there {{instance}}'],
          [gauge('mq_replica_in_sync', 'replica'), 'replica {{replica}} is in sync'],
        ],
      },
      {
        title: 'How far replicas are behind',
        help: 'Messages that each lacks, and for how long it has not been caught up.',
        unit: 'short',
        queries: [
          [gauge('mq_replica_lag_messages', 'replica'), 'messages of {{replica}}'],
          [gauge('mq_replica_lag_seconds', 'replica'), 'seconds of {{replica}}'],
        ],
      },
    ],
  },
  {
    title: 'Process',
    panels: [
      {
        title: 'Event loop, how late',
        help: 'Every message waits so long more. Above 50 ms on average there is advice.',
        unit: 's',
        queries: quantiles('mq_event_loop_delay_seconds'),
      },
      {
        title: 'How busy',
        help: 'Share of the time that the event loop worked, and cores that all threads took.',
        unit: 'percentunit',
        queries: [
          [rate('mq_event_loop_active_seconds_total', 'instance'), 'event loop {{instance}}'],
          [rate('mq_cpu_seconds_total', 'instance'), 'CPU {{instance}}'],
        ],
      },
      {
        title: 'Memory',
        help: 'Resident is all of it; mapped files are on top, and the kernel takes them back at will.',
        unit: 'bytes',
        queries: [
          [gauge('mq_memory_bytes', 'kind'), '{{kind}}'],
          [gauge('mq_mapped_bytes', 'instance'), 'mapped {{instance}}'],
        ],
      },
      {
        title: 'Open files',
        help: 'Files and connections.',
        unit: 'short',
        queries: [[gauge('mq_open_files', 'instance'), '{{instance}}']],
      },
      {
        title: 'Work in the background',
        help: 'Seconds of each second that chores take.',
        unit: 'percentunit',
        queries: [[rate('mq_chore_duration_seconds_sum', 'chore'), '{{chore}}']],
      },
      {
        title: 'The last opening',
        help: 'How long it took, after a crash with recovery.',
        unit: 's',
        queries: [[`max by (instance) (mq_recovery_duration_seconds{${at}})`, '{{instance}}']],
      },
    ],
  },
]

/** Of Grafana's grid, which is 24 wide. */
const columns = 24
const datasource = { type: 'prometheus', uid: '$datasource' }

export function grafanaDashboard(): string {
  const panels: object[] = []
  let y = 0
  for (const row of rows) {
    panels.push(rowPanel(panels.length + 1, row.title, y++))
    const perLine = row.panels.every(({ stat }) => stat !== undefined) ? 6 : 3
    const height = perLine === 6 ? 4 : 8
    for (const [i, panel] of row.panels.entries()) {
      const width = columns / perLine
      const place = { x: (i % perLine) * width, y: y + Math.floor(i / perLine) * height, w: width, h: height }
      panels.push(panelOf(panels.length + 1, panel, place))
    }
    y += Math.ceil(row.panels.length / perLine) * height
  }
  return `${JSON.stringify({ ...frame, panels }, null, 2)}\n`
}

function rowPanel(id: number, title: string, y: number): object {
  return { id, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: columns, h: 1 }, panels: [] }
}

function panelOf(id: number, panel: Panel, gridPos: object): object {
  const targets = panel.queries.map(([expr, legendFormat], i) => ({
    refId: String.fromCharCode(65 + i),
    datasource,
    expr,
    legendFormat,
    range: panel.stat === undefined,
    instant: panel.stat !== undefined,
  }))
  const common = { id, title: panel.title, description: panel.help, datasource, gridPos, targets }
  return panel.stat === undefined ? { ...common, ...series(panel) } : { ...common, ...stat(panel, panel.stat) }
}

function series({ unit, stacked }: Panel): object {
  const custom = {
    lineWidth: 1,
    fillOpacity: stacked ? 30 : 10,
    showPoints: 'never',
    stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
  }
  return {
    type: 'timeseries',
    fieldConfig: { defaults: { unit, custom, ...(unit === 'percentunit' ? { min: 0 } : {}) }, overrides: [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }
}

function stat({ unit }: Panel, { orange, red, isLowBad }: NonNullable<Panel['stat']>): object {
  const steps = isLowBad
    ? [step('red', null), step('orange', red), step('green', orange)]
    : [step('green', null), step('orange', orange), step('red', red)].filter(
        ({ value }) => value === null || value < 1e12,
      )
  return {
    type: 'stat',
    fieldConfig: {
      defaults: { unit, color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } },
      overrides: [],
    },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      colorMode: 'value',
      graphMode: 'none',
      textMode: 'value',
    },
  }
}

function step(color: string, value: number | null): { readonly color: string; readonly value: number | null } {
  return { color, value }
}

const frame = {
  title: 'Holdfast',
  uid: 'holdfast',
  description: 'The metrics of `holdfast serve --http`; docs/metrics.md says what each is.',
  tags: ['holdfast', 'queue'],
  schemaVersion: 39,
  version: 1,
  editable: true,
  graphTooltip: 1,
  refresh: '10s',
  time: { from: 'now-1h', to: 'now' },
  timezone: 'browser',
  templating: {
    list: [
      { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', current: {} },
      {
        name: 'instance',
        label: 'Broker',
        type: 'query',
        datasource,
        query: { query: 'label_values(mq_topics, instance)', refId: 'instances' },
        definition: 'label_values(mq_topics, instance)',
        refresh: 2,
        sort: 1,
        multi: true,
        includeAll: true,
        allValue: '.*',
        current: { text: 'All', value: '$__all' },
      },
    ],
  },
  annotations: { list: [] },
}
