/**
 * Clients without patience that ask every node all the time, whoever leads: one sends a message, one asks where the logs
 * end. So it is seen how soon somebody acknowledges again, and that nobody tells an older end after a newer one.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { listOffsets, produce } from '../../src/kafka/schemas/index.js'
import { buildBatch } from '../../src/records/builder.js'
import type { Send } from '../history/history.js'
import type { Recorder } from '../history/recorder.js'
import { Asking } from './asking.js'
import type { SeenEnd } from './check-ends.js'
import { addressOf, ports } from './network.js'
import type { Host, Scene } from './scene.js'

const timeoutMs = 1500
const sendEveryMs = 100
const askEveryMs = 150
/** What the leader answers before it appends anything. */
const notEnoughReplicas = 19
const latest = -1

export interface Acknowledged {
  readonly beganMs: number
  readonly endedMs: number
}

export interface ProbeOptions {
  readonly scene: Scene
  readonly recorder: Recorder
  /** For the sends, with one partition. */
  readonly sendTopic: string
  /** Under which place its partition stands in the history. */
  readonly historyPartition: number
  readonly endsOf: { readonly topic: string; readonly partitions: number }
}

export class Probes {
  readonly acknowledged: Acknowledged[] = []
  readonly ends: SeenEnd[] = []
  readonly #options: ProbeOptions
  readonly #running: Promise<unknown>
  #isStopped = false

  constructor(options: ProbeOptions) {
    this.#options = options
    this.#running = Promise.all(options.scene.hosts.flatMap((host) => [this.#send(host), this.#askForEnds(host)]))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #send({ name }: Host): Promise<void> {
    const asking = new Asking({ host: addressOf(name), port: ports.kafka, timeoutMs })
    const { recorder, historyPartition: partition } = this.#options
    for (let sequence = 0; !this.#isStopped; sequence++) {
      const payload = `probe-${name}-${sequence}`
      const begin = recorder.stamp()
      const beganMs = performance.now()
      const outcome = await this.#sendOne(asking, payload).catch((): Send['outcome'] => 'unknown')
      const isPlaced = typeof outcome === 'object'
      if (isPlaced) this.acknowledged.push({ beganMs, endedMs: performance.now() })
      const end = isPlaced ? recorder.stamp() : Number.POSITIVE_INFINITY
      recorder.add({
        op: 'send',
        begin,
        end,
        producer: `probe-${name}`,
        kind: 'plain',
        sequence,
        partition,
        payload,
        outcome,
      })
      await pause(sendEveryMs)
    }
    asking.close()
  }

  async #sendOne(asking: Asking, payload: string): Promise<Send['outcome']> {
    const { bytes } = buildBatch([{ value: Buffer.from(payload), timestamp: Date.now() }])
    const { topics } = await asking.ask(
      produce,
      {
        transactionalId: null,
        acks: -1,
        timeoutMs,
        topics: [
          { name: this.#options.sendTopic, topicId: Buffer.alloc(16), partitions: [{ index: 0, records: bytes }] },
        ],
      },
      9,
    )
    const { errorCode, baseOffset } = topics[0].partitions[0]
    if (errorCode === notEnoughReplicas) return 'refused'
    return errorCode === 0 ? { offset: Number(baseOffset) } : 'unknown'
  }

  async #askForEnds({ name }: Host): Promise<void> {
    const asking = new Asking({ host: addressOf(name), port: ports.kafka, timeoutMs })
    const { topic, partitions } = this.#options.endsOf
    const indexes = Array.from({ length: partitions }, (_, index) => ({ index, timestamp: latest }))
    while (!this.#isStopped) {
      const begin = this.#options.recorder.stamp()
      try {
        const body = { isolationLevel: 0, topics: [{ name: topic, partitions: indexes }], timeoutMs }
        const answer = await asking.ask(listOffsets, body)
        const end = this.#options.recorder.stamp()
        for (const { index, errorCode, offset } of answer.topics[0].partitions)
          if (errorCode === 0) this.ends.push({ node: name, partition: index, offset: Number(offset), begin, end })
      } catch {
        // It does not answer; the next time it may.
      }
      await pause(askEveryMs)
    }
    asking.close()
  }
}
