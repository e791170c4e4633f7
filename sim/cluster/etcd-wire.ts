/** A node's way to the simulated etcd, over the simulated network. */

import { HoldfastError } from '../../src/core/errors.js'
import { type EtcdWire, type Json, LeaseNotFound } from '../../src/replication/etcd/endpoints.js'
import type { SimulatedEtcd } from './etcd.js'
import type { Life } from './life.js'
import type { Network } from './network.js'

export interface WireOptions {
  readonly etcd: SimulatedEtcd
  readonly network: Network
  readonly name: string
  readonly life: Life
  readonly limitMs: number
}

export class SimulatedWire implements EtcdWire {
  readonly current = 0
  readonly #options: WireOptions

  constructor(options: WireOptions) {
    this.#options = options
  }

  async post(path: string, body: Json): Promise<Json> {
    const { etcd, network, name, life, limitMs } = this.#options
    const serve = async (): Promise<Json> => etcd.handle(path, body)
    try {
      return await network.ask({ from: name, to: 'etcd', life, limitMs, serve })
    } catch (error) {
      if (error instanceof LeaseNotFound) throw error
      if (!(error instanceof HoldfastError)) throw error
      throw new HoldfastError('REPLICATION_UNAVAILABLE', 'etcd does not answer')
    }
  }

  async *stream(_path: string, body: Json, signal: AbortSignal): AsyncGenerator<Json> {
    const { etcd, network, name, life, limitMs } = this.#options
    const told: Json[] = []
    let wake = (): void => {}
    let isOpen = false
    let isBroken = false
    let stop = (): void => {}
    const end = (): void => {
      isBroken = true
      wake()
    }
    signal.addEventListener('abort', end)
    const limit = life.schedule(limitMs, () => isOpen || end())
    const revision = Number((body['create_request'] as Json)['start_revision'])
    const hear = (answer: Json): void => {
      const arrives = network.carry('etcd', name, () =>
        life.do(() => {
          isOpen = true
          told.push(answer)
          wake()
        }),
      )
      // From here on the stream is dead, and its reader does not know.
      if (!arrives) stop()
    }
    network.carry(name, 'etcd', () => {
      if (isBroken) return
      stop = etcd.watch(revision, hear)
    })
    try {
      while (!isBroken) {
        const next = told.shift()
        if (next !== undefined) yield next
        else await new Promise<void>((resolve) => (wake = resolve))
      }
      if (!signal.aborted) throw new Error('the watch was not opened')
    } finally {
      isBroken = true
      limit.cancel()
      signal.removeEventListener('abort', end)
      stop()
    }
  }

  close(): void {}
}
