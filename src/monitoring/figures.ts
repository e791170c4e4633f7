/** The figures that monitoring looks at, picked out of a snapshot of the metrics: counted from the start, or of the moment. */

import type { HistogramFigures } from '../core/metrics/cells.js'
import type { MetricsSnapshot } from '../core/metrics/snapshot.js'
import { othersLabel } from '../core/metrics/table.js'

export interface Figures {
  readonly messagesIn: number
  readonly batchesIn: number
  readonly bytesIn: number
  readonly messagesOut: number
  readonly bytesOut: number
  readonly refused: number
  readonly flushSeconds: HistogramFigures
  readonly messagesPerFlush: HistogramFigures
  readonly appendSeconds: HistogramFigures
  /** Only of fetches that waited for nothing: how long a fetch waits for messages is its sender's wish. */
  readonly fetchSeconds: HistogramFigures
  readonly eventLoopDelaySeconds: HistogramFigures
  readonly waitingAppends: number
  readonly connections: number
  readonly residentBytes: number
  readonly heapBytes: number
  readonly openFiles: number | null
  readonly storeBytes: number
}

const nothingYet: HistogramFigures = { bounds: [], counts: [0], sum: 0, count: 0 }

export function figuresOf(snapshot: MetricsSnapshot): Figures {
  return {
    messagesIn: snapshot.value('mq_appended_messages_total') ?? 0,
    batchesIn: snapshot.value('mq_appended_batches_total') ?? 0,
    bytesIn: snapshot.value('mq_appended_bytes_total') ?? 0,
    messagesOut: snapshot.value('mq_fetched_messages_total') ?? 0,
    bytesOut: snapshot.value('mq_fetched_bytes_total') ?? 0,
    refused: snapshot.value('mq_refused_requests_total') ?? 0,
    flushSeconds: snapshot.histogram('mq_flush_duration_seconds') ?? nothingYet,
    messagesPerFlush: snapshot.histogram('mq_messages_per_flush') ?? nothingYet,
    appendSeconds: snapshot.histogram('mq_append_duration_seconds') ?? nothingYet,
    fetchSeconds: snapshot.histogram('mq_fetch_duration_seconds', { outcome: 'immediate' }) ?? nothingYet,
    eventLoopDelaySeconds: snapshot.histogram('mq_event_loop_delay_seconds') ?? nothingYet,
    waitingAppends: snapshot.value('mq_waiting_appends') ?? 0,
    connections: snapshot.value('mq_connections') ?? 0,
    residentBytes: snapshot.value('mq_memory_bytes', { kind: 'resident' }) ?? 0,
    heapBytes: snapshot.value('mq_memory_bytes', { kind: 'heap' }) ?? 0,
    openFiles: snapshot.value('mq_open_files') ?? null,
    storeBytes: snapshot.value('mq_store_size_bytes') ?? 0,
  }
}

/** The file system that holds the logs. */
export interface DiskState {
  readonly totalBytes: number
  readonly freeBytes: number
}

/** undefined where the platform does not tell of its space. */
export function diskIn(snapshot: MetricsSnapshot): DiskState | undefined {
  const totalBytes = snapshot.value('mq_disk_size_bytes')
  const freeBytes = snapshot.value('mq_disk_free_bytes')
  return totalBytes === undefined || freeBytes === undefined || totalBytes === 0 ? undefined : { totalBytes, freeBytes }
}

export function usedRatio({ totalBytes, freeBytes }: DiskState): number {
  return (totalBytes - freeBytes) / totalBytes
}

export interface GroupLag {
  readonly group: string
  /** Messages that can be read and that it has not committed, in all its topics. */
  readonly lag: number
}

export function lagsIn({ values }: MetricsSnapshot): readonly GroupLag[] {
  const byGroup = new Map<string, number>()
  for (const { labels, value } of values.mq_consumer_lag ?? []) {
    // A sum of many tells of none of them.
    if (labels['group'] === othersLabel) continue
    byGroup.set(labels['group'], (byGroup.get(labels['group']) ?? 0) + value)
  }
  return [...byGroup].map(([group, lag]) => ({ group, lag }))
}

/** A topic of which nothing is ever deleted: neither by age nor by size, nor is it compacted. */
export interface KeptForever {
  readonly topic: string
  readonly sizeInBytes: number
}
