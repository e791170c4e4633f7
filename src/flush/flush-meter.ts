/** Counts the flushes of one log: once per flush, and where nobody counts or listens next to nothing. */

import { flushChannel } from '../core/channels.js'
import type { HoldfastError } from '../core/errors.js'
import { type Counter, type Gauge, type Histogram, type Metrics, noMetrics } from '../core/metrics/metrics.js'

/** Whose flushes they are. */
export interface FlushSource {
  readonly layout: 'segments' | 'commitlog'
  /** Of a log in segments. */
  readonly topic?: string
  readonly partition?: number
  /** The setting `flush.disk.type`. */
  readonly policy: string
}

/** What a flush made durable. */
export interface Flushed {
  readonly messages: number
  readonly bytes: number
}

export class FlushMeter {
  readonly #source: FlushSource
  readonly #duration: Histogram
  readonly #messages: Histogram
  readonly #done: Counter
  readonly #failed: Counter
  readonly #waiting: Gauge

  constructor(metrics: Metrics, source: FlushSource) {
    this.#source = source
    const { layout, policy } = source
    this.#duration = metrics.histogram('mq_flush_duration_seconds', { policy, layout })
    this.#messages = metrics.histogram('mq_messages_per_flush', { policy, layout })
    this.#done = metrics.counter('mq_flush_total', { layout, result: 'ok' })
    this.#failed = metrics.counter('mq_flush_total', { layout, result: 'failed' })
    this.#waiting = metrics.gauge('mq_waiting_appends', { layout })
  }

  /** By so many more, or fewer, appends are waited for. */
  waits(change: number): void {
    this.#waiting.add(change)
  }

  flushed({ messages, bytes }: Flushed, durationMs: number): void {
    this.#duration.observe(durationMs / 1000)
    this.#messages.observe(messages)
    this.#done.add(1)
    if (flushChannel.hasSubscribers) flushChannel.publish({ ...this.#source, messages, bytes, durationMs })
  }

  failed({ messages, bytes }: Flushed, durationMs: number, error: HoldfastError): void {
    this.#failed.add(1)
    if (flushChannel.hasSubscribers) flushChannel.publish({ ...this.#source, messages, bytes, durationMs, error })
  }
}

export const noFlushMeter = new FlushMeter(noMetrics, { layout: 'segments', policy: '' })
