/** What one row of the table of metrics says, and the makers of rows. */

export type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface MetricRow<Kind extends MetricKind = MetricKind, Label extends string = string> {
  readonly kind: Kind
  /** Of its value, by the name's last word; `1` is a plain number. */
  readonly unit: 'seconds' | 'bytes' | 'ratio' | 'messages' | 'offset' | '1'
  readonly help: string
  readonly labels: readonly Label[]
  /** Of a histogram: the greatest value of each bucket, ascending; one more takes the rest. */
  readonly buckets: readonly number[]
}

type Unit = MetricRow['unit']

/** Only grows. */
export function counter<const Label extends string = never>(
  unit: Unit,
  help: string,
  labels: readonly Label[] = [],
): MetricRow<'counter', Label> {
  return { kind: 'counter', unit, help, labels, buckets: [] }
}

/** How something is now. */
export function gauge<const Label extends string = never>(
  unit: Unit,
  help: string,
  labels: readonly Label[] = [],
): MetricRow<'gauge', Label> {
  return { kind: 'gauge', unit, help, labels, buckets: [] }
}

/** How often values of each size came. */
export function histogram<const Label extends string = never>(
  unit: Unit,
  buckets: readonly number[],
  help: string,
  labels: readonly Label[] = [],
): MetricRow<'histogram', Label> {
  return { kind: 'histogram', unit, help, labels, buckets }
}

/** From a fast device's write to a stalled one, in steps that tell a percentile to within a third. */
export const latencyBuckets: readonly number[] = [
  0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03,
  0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10,
]

export const countBuckets: readonly number[] = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000]
