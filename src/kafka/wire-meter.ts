/** Counts what comes over the wire: connections, requests by API, and what is refused before a broker is asked. */

import { HoldfastError } from '../core/errors.js'
import type { Counter, Gauge, Metrics } from '../core/metrics/metrics.js'

export class WireMeter {
  readonly #metrics: Metrics
  readonly #connections: Gauge
  readonly #opened: Counter
  readonly #requests = new Map<string, Counter>()

  constructor(metrics: Metrics) {
    this.#metrics = metrics
    this.#connections = metrics.gauge('mq_connections', {})
    this.#opened = metrics.counter('mq_connections_opened_total', {})
  }

  opened(): void {
    this.#connections.add(1)
    this.#opened.add(1)
  }

  closed(): void {
    this.#connections.add(-1)
  }

  /** A request for this API, one that there is, was taken. */
  took(api: string): void {
    let counter = this.#requests.get(api)
    if (counter === undefined) {
      counter = this.#metrics.counter('mq_requests_total', { api })
      this.#requests.set(api, counter)
    }
    counter.add(1)
  }

  /** A client was disconnected since it broke the protocol; what a broker refused was counted by that. */
  refused(error: unknown): void {
    if (error instanceof HoldfastError) {
      this.#metrics.counter('mq_refused_requests_total', { error: error.code }).add(1)
    }
  }
}
