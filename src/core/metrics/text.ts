/** One metric as prom-client's registry asks for it when it writes its text: it has `get`, and no counting of its own. */

import type { MetricRow } from './rows.js'
import type { HistogramSeries, MetricsSnapshot, SomeLabels } from './snapshot.js'
import type { MetricName } from './table.js'

interface TextValue {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  /** Where it is not the metric's own name. */
  readonly metricName?: string
}

interface TextMetric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly aggregator: 'sum'
  readonly values: readonly TextValue[]
}

export class PrometheusMetric {
  name: string
  readonly help: string
  readonly type: string
  readonly aggregator = 'sum'
  readonly #metric: MetricName
  readonly #look: () => Promise<MetricsSnapshot>

  constructor(name: MetricName, row: MetricRow, look: () => Promise<MetricsSnapshot>) {
    this.#metric = name
    this.name = name
    this.help = row.help
    this.type = row.kind
    this.#look = look
  }

  async get(): Promise<TextMetric> {
    const { values, histograms } = await this.#look()
    const { name, help, type, aggregator } = this
    const byName: Readonly<Record<string, readonly { labels: SomeLabels; value: number }[] | undefined>> = values
    const ofHistogram: Readonly<Record<string, readonly HistogramSeries[] | undefined>> = histograms
    const series = [
      ...(byName[this.#metric] ?? []),
      ...(ofHistogram[this.#metric] ?? []).flatMap((one) => rowsOf(name, one)),
    ]
    return { name, help, type, aggregator, values: series }
  }

  /** Counted values stay: only who counts may begin anew. */
  reset(): void {}
}

function rowsOf(name: string, { labels, bounds, counts, sum, count }: HistogramSeries): TextValue[] {
  let upTo = 0
  const buckets = [...bounds, '+Inf'].map((le, bucket) => {
    upTo += counts[bucket]
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: upTo }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
