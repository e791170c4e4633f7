/** Counts and times what goes in and out of a broker, batch by batch; where nobody counts or listens it stands aside. */

import { fetchChannel, sendChannel } from '../core/channels.js'
import type { Clock } from '../core/clock.js'
import { asHoldfastError, type HoldfastError } from '../core/errors.js'
import type { Counter, Histogram, Metrics } from '../core/metrics/metrics.js'
import { at } from '../records/format.js'
import type { FetchedPartition, FetchRequest, ProduceRequest, ProduceResult } from './contract.js'

export class BrokerWatch {
  readonly #metrics: Metrics
  readonly #clock: Clock
  readonly #isCounting: boolean
  readonly #messagesIn: Counter
  readonly #batchesIn: Counter
  readonly #bytesIn: Counter
  readonly #appends: Histogram
  readonly #messagesOut: Counter
  readonly #bytesOut: Counter
  readonly #immediateFetches: Histogram
  readonly #waitingFetches: Histogram

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics
    this.#clock = clock
    this.#isCounting = metrics.isOn
    this.#messagesIn = metrics.counter('mq_appended_messages_total', {})
    this.#batchesIn = metrics.counter('mq_appended_batches_total', {})
    this.#bytesIn = metrics.counter('mq_appended_bytes_total', {})
    this.#appends = metrics.histogram('mq_append_duration_seconds', {})
    this.#messagesOut = metrics.counter('mq_fetched_messages_total', {})
    this.#bytesOut = metrics.counter('mq_fetched_bytes_total', {})
    this.#immediateFetches = metrics.histogram('mq_fetch_duration_seconds', { outcome: 'immediate' })
    this.#waitingFetches = metrics.histogram('mq_fetch_duration_seconds', { outcome: 'waited' })
  }

  /** Begins `produce` at once. */
  produce(request: ProduceRequest, produce: () => Promise<ProduceResult>): Promise<ProduceResult> {
    return this.#isCounting || sendChannel.hasSubscribers ? this.#watchProduce(request, produce) : produce()
  }

  /** `fetch` is given the request that tells when it begins to wait. */
  fetch(
    request: FetchRequest,
    fetch: (watched: FetchRequest) => Promise<readonly FetchedPartition[]>,
  ): Promise<readonly FetchedPartition[]> {
    return this.#isCounting || fetchChannel.hasSubscribers ? this.#watchFetch(request, fetch) : fetch(request)
  }

  #watchProduce(request: ProduceRequest, produce: () => Promise<ProduceResult>): Promise<ProduceResult> {
    const beganMs = this.#clock.monotonic()
    // Its memory may be used for something else once it is acknowledged.
    const { batch } = request
    const bytes = batch.length
    const messages = bytes >= at.records ? batch.readInt32BE(at.recordsCount) : 0
    const took = (): number => this.#clock.monotonic() - beganMs
    return produce().then(
      (result) => {
        const durationMs = took()
        this.#appends.observe(durationMs / 1000)
        this.#messagesIn.add(messages)
        this.#batchesIn.add(1)
        this.#bytesIn.add(bytes)
        this.#tellSend(request, { baseOffset: result.baseOffset, messages, bytes, durationMs })
        return result
      },
      (thrown: unknown) => {
        const error = asHoldfastError(thrown)
        this.#metrics.counter('mq_refused_requests_total', { error: error.code }).add(1)
        this.#tellSend(request, { baseOffset: -1, messages, bytes, durationMs: took(), error })
        throw thrown
      },
    )
  }

  #tellSend(
    { topic, partition }: ProduceRequest,
    outcome: { baseOffset: number; messages: number; bytes: number; durationMs: number; error?: HoldfastError },
  ): void {
    if (sendChannel.hasSubscribers) sendChannel.publish({ topic, partition, ...outcome })
  }

  async #watchFetch(
    request: FetchRequest,
    fetch: (watched: FetchRequest) => Promise<readonly FetchedPartition[]>,
  ): Promise<readonly FetchedPartition[]> {
    const beganMs = this.#clock.monotonic()
    let waited = false
    const onWait = (): void => {
      waited = true
    }
    const fetched = await fetch({ ...request, onWait })
    const durationMs = this.#clock.monotonic() - beganMs
    const { messages, bytes } = contentOf(fetched)
    const durations = waited ? this.#waitingFetches : this.#immediateFetches
    durations.observe(durationMs / 1000)
    this.#messagesOut.add(messages)
    this.#bytesOut.add(bytes)
    if (fetchChannel.hasSubscribers) {
      fetchChannel.publish({ partitions: fetched.map(told), messages, bytes, durationMs, waited })
    }
    return fetched
  }
}

function told({ topic, partition, records, error }: FetchedPartition) {
  const bytes = records.reduce((sum, { length }) => sum + length, 0)
  return { topic, partition, bytes, ...(error !== undefined && { error }) }
}

/** Looks at two numbers of each batch, and at no record. */
function contentOf(fetched: readonly FetchedPartition[]): { messages: number; bytes: number } {
  let messages = 0
  let bytes = 0
  for (const { records } of fetched) {
    for (const buffer of records) {
      bytes += buffer.length
      for (
        let start = 0;
        start < buffer.length;
        start += at.batchLength + 4 + buffer.readInt32BE(start + at.batchLength)
      ) {
        messages += buffer.readInt32BE(start + at.recordsCount)
      }
    }
  }
  return { messages, bytes }
}
