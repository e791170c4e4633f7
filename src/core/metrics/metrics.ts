/**
 * Counting, handed in like clock and logger: what a room counts with, and what costs nothing where nobody wants to know.
 * A handle is obtained once and called per batch, flush or call to the disk, never per message. What can be asked for is
 * not counted: it is collected when somebody looks.
 */

import type { LabelsOf, NamesOf } from './table.js'

export interface Counter {
  /** `amount` is not negative. */
  add(amount: number): void
}

/** Of something that comes and goes, by how much it changes. */
export interface Gauge {
  add(change: number): void
}

export interface Histogram {
  observe(value: number): void
}

/** Takes the figures of one look. */
export interface Figures {
  /** Values of the same name and labels, also of other collectors, are summed. */
  put<Name extends NamesOf<'gauge' | 'counter'>>(name: Name, value: number, labels: LabelsOf<Name>): void
}

export type Collector = (figures: Figures) => void | Promise<void>

export interface Metrics {
  /** False where nothing is counted, so that what only serves it can be left out. */
  readonly isOn: boolean
  counter<Name extends NamesOf<'counter'>>(name: Name, labels: LabelsOf<Name>): Counter
  /** What is counted here is summed with what collectors give of the same name and labels. */
  gauge<Name extends NamesOf<'gauge'>>(name: Name, labels: LabelsOf<Name>): Gauge
  histogram<Name extends NamesOf<'histogram'>>(name: Name, labels: LabelsOf<Name>): Histogram
  /** Asks `collect` at each look, until the returned call. One that throws gives nothing that time. */
  collect(collect: Collector): () => void
}

const nothing = (): void => {}
const noCounter: Counter = { add: nothing }
const noHistogram: Histogram = { observe: nothing }

/** Counts nothing. */
export const noMetrics: Metrics = {
  isOn: false,
  counter: () => noCounter,
  gauge: () => noCounter,
  histogram: () => noHistogram,
  collect: () => nothing,
}
