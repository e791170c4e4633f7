/**
 * Counts, and shows what it has counted: as text for Prometheus, and as plain numbers. The counting is done in plain cells;
 * prom-client is only loaded, by the first text, to write them out. Where the user gives a registry of his own, the
 * metrics appear in it beside his.
 */

import { HoldfastError } from '../errors.js'
import { HistogramCell, NumberCell } from './cells.js'
import type { Collector, Counter, Gauge, Histogram, Metrics } from './metrics.js'
import { type HistogramsByName, MetricsSnapshot, type SeriesByName, type SomeLabels } from './snapshot.js'
import { type LabelsOf, type MetricName, metricNames, metricsTable, type NamesOf } from './table.js'
import { PrometheusMetric } from './text.js'

/** As much of prom-client's Registry as is used. */
export interface PrometheusRegistry {
  readonly contentType: string
  metrics(): Promise<string>
  /** What it takes beside its own classes is anything with their `get`, which its types do not say. */
  registerMetric(metric: never): void
  getSingleMetric(name: string): unknown
  removeSingleMetric(name: string): void
}

interface Cell<Value> {
  readonly labels: SomeLabels
  readonly cell: Value
}

type Cells<Value> = Map<MetricName, Map<string, Cell<Value>>>

export class MetricsRegistry implements Metrics {
  readonly isOn = true
  readonly #numbers: Cells<NumberCell> = new Map()
  readonly #histograms: Cells<HistogramCell> = new Map()
  readonly #collectors = new Set<Collector>()
  readonly #given: PrometheusRegistry | undefined
  #own: Promise<PrometheusRegistry> | undefined
  #looking: Promise<MetricsSnapshot> | undefined

  /**
   * @param given where the metrics appear too, until {@link close}
   * @throws INVALID_ARGUMENT where it has metrics of these names, as of another store
   */
  constructor(given?: PrometheusRegistry) {
    this.#given = given
    if (given !== undefined) this.#register(given)
  }

  counter<Name extends NamesOf<'counter'>>(name: Name, labels: LabelsOf<Name>): Counter {
    return cellOf(this.#numbers, name, labels, () => new NumberCell())
  }

  gauge<Name extends NamesOf<'gauge'>>(name: Name, labels: LabelsOf<Name>): Gauge {
    return cellOf(this.#numbers, name, labels, () => new NumberCell())
  }

  histogram<Name extends NamesOf<'histogram'>>(name: Name, labels: LabelsOf<Name>): Histogram {
    return cellOf(this.#histograms, name, labels, () => new HistogramCell(metricsTable[name].buckets))
  }

  collect(collect: Collector): () => void {
    // Of a wrapping, so that who is given twice is asked twice.
    const collector: Collector = (figures) => collect(figures)
    this.#collectors.add(collector)
    return () => this.#collectors.delete(collector)
  }

  /** What Content-Type {@link text} has. */
  async contentType(): Promise<string> {
    return (await this.#prometheus()).contentType
  }

  /** In the text format of Prometheus; where a registry was given, all that is in it. */
  async text(): Promise<string> {
    return (await this.#prometheus()).metrics()
  }

  /** What was counted and is collected now. Who looks while another look is under way gets that one's figures. */
  snapshot(): Promise<MetricsSnapshot> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Takes the metrics out of the registry that was given. */
  close(): void {
    this.#collectors.clear()
    for (const name of metricNames) this.#given?.removeSingleMetric(name)
  }

  async #look(): Promise<MetricsSnapshot> {
    const numbers: Cells<NumberCell> = new Map()
    const figures = {
      put: (name: MetricName, value: number, labels: SomeLabels) =>
        cellOf(numbers, name, labels, () => new NumberCell()).add(value),
    }
    await Promise.allSettled([...this.#collectors].map(async (collect) => collect(figures)))
    for (const [name, ofName] of this.#numbers) {
      for (const { labels, cell } of ofName.values()) figures.put(name, cell.value, labels)
    }
    return new MetricsSnapshot(valuesOf(numbers), figuresOf(this.#histograms))
  }

  #prometheus(): Promise<PrometheusRegistry> {
    if (this.#given !== undefined) return Promise.resolve(this.#given)
    this.#own ??= import('prom-client').then(({ Registry }) => {
      const registry = new Registry()
      this.#register(registry)
      return registry
    })
    return this.#own
  }

  #register(registry: PrometheusRegistry): void {
    const taken = metricNames.find((name) => registry.getSingleMetric(name) !== undefined)
    if (taken !== undefined) {
      const why = `The registry has a metric ${taken} already; give each store a registry of its own.`
      throw new HoldfastError('INVALID_ARGUMENT', why)
    }
    for (const name of metricNames) {
      registry.registerMetric(new PrometheusMetric(name, metricsTable[name], () => this.snapshot()) as never)
    }
  }
}

function cellOf<Value>(cells: Cells<Value>, name: MetricName, labels: SomeLabels, make: () => Value): Value {
  const ofName = cells.get(name) ?? new Map<string, Cell<Value>>()
  cells.set(name, ofName)
  const key = metricsTable[name].labels.map((label) => labels[label]).join('\0')
  const known = ofName.get(key)
  if (known !== undefined) return known.cell
  const cell = make()
  ofName.set(key, { labels: { ...labels }, cell })
  return cell
}

function valuesOf(cells: Cells<NumberCell>): SeriesByName {
  const rows = [...cells].map(([name, ofName]) => {
    return [name, [...ofName.values()].map(({ labels, cell }) => ({ labels, value: cell.value }))] as const
  })
  return Object.fromEntries(rows) as SeriesByName
}

function figuresOf(cells: Cells<HistogramCell>): HistogramsByName {
  const rows = [...cells].map(([name, ofName]) => {
    return [name, [...ofName.values()].map(({ labels, cell }) => ({ labels, ...cell.figures() }))] as const
  })
  return Object.fromEntries(rows) as HistogramsByName
}
