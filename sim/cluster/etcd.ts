/**
 * An etcd of which each request is carried out at once and whole when it arrives, in the JSON of its HTTP gateway: as much
 * of it as this program asks for. Leases end half a second late at most, as there, never early.
 */

import { type Json, LeaseNotFound } from '../../src/replication/etcd/endpoints.js'
import type { Scheduler } from '../scheduler.js'

interface Stored {
  readonly value: string
  readonly createRevision: number
  readonly modRevision: number
  readonly lease: string
}

const sweepEveryMs = 500

export class SimulatedEtcd {
  readonly #scheduler: Scheduler
  readonly #onPut: (key: string, value: string) => void
  /** By key, in base64 as it comes. */
  readonly #stored = new Map<string, Stored>()
  readonly #leases = new Map<string, { seconds: number; untilMs: number }>()
  readonly #watchers = new Set<(answer: Json) => void>()
  #revision = 1
  #lastLease = 1000

  constructor(scheduler: Scheduler, onPut: (key: string, value: string) => void) {
    this.#scheduler = scheduler
    this.#onPut = onPut
    this.#sweepLater()
  }

  /** @throws LeaseNotFound */
  handle(path: string, body: Json): Json {
    switch (path) {
      case '/v3/kv/range':
        return this.#answer({ kvs: this.#all() })
      case '/v3/kv/txn':
        return this.#transact(body)
      case '/v3/lease/grant':
        return this.#grant(Number(body['TTL']))
      case '/v3/lease/keepalive':
        return this.#keepAlive(String(body['ID']))
      case '/v3/lease/revoke':
        return this.#revoke(String(body['ID']))
      default:
        throw new Error(`the simulated etcd knows no ${path}`)
    }
  }

  /** Tells of each change, and at once where there was one from `revision` on. Until the returned call. */
  watch(revision: number, tell: (answer: Json) => void): () => void {
    this.#watchers.add(tell)
    tell(this.#answer({ created: true }))
    if (revision <= this.#revision) tell(this.#answer({ events: [{}] }))
    return () => void this.#watchers.delete(tell)
  }

  #sweepLater(): void {
    this.#scheduler.schedule(sweepEveryMs, () => {
      for (const [id, { untilMs }] of this.#leases) if (untilMs < this.#scheduler.monotonic()) this.#end(id)
      this.#sweepLater()
    })
  }

  #grant(seconds: number): Json {
    const id = String(++this.#lastLease)
    this.#leases.set(id, { seconds, untilMs: this.#scheduler.monotonic() + seconds * 1000 })
    return this.#answer({ ID: id, TTL: String(seconds) })
  }

  #keepAlive(id: string): Json {
    const lease = this.#leases.get(id)
    if (lease === undefined || lease.untilMs < this.#scheduler.monotonic()) return this.#answer({ ID: id })
    lease.untilMs = this.#scheduler.monotonic() + lease.seconds * 1000
    return this.#answer({ ID: id, TTL: String(lease.seconds) })
  }

  #revoke(id: string): Json {
    if (!this.#leases.has(id)) throw new LeaseNotFound('etcdserver: requested lease not found')
    this.#end(id)
    return this.#answer({})
  }

  /** With a lease go the keys that are bound to it. */
  #end(id: string): void {
    this.#leases.delete(id)
    const bound = [...this.#stored].filter(([, { lease }]) => lease === id)
    if (bound.length === 0) return
    this.#revision++
    for (const [key] of bound) this.#stored.delete(key)
    this.#tell()
  }

  #transact(body: Json): Json {
    const isMet = (body['compare'] as readonly Json[]).every((condition) => this.#holds(condition))
    const operations = body[isMet ? 'success' : 'failure'] as readonly Json[]
    const puts = operations.flatMap(({ request_put: put }) => (put === undefined ? [] : [put as Json]))
    for (const { lease } of puts)
      if (lease !== '0' && !this.#leases.has(String(lease))) throw new LeaseNotFound('requested lease not found')
    const removed = operations.flatMap(({ request_delete_range: gone }) => (gone === undefined ? [] : [gone as Json]))
    if (puts.length + removed.length > 0) this.#revision++
    for (const put of puts) this.#put(put)
    for (const { key } of removed) this.#stored.delete(String(key))
    if (puts.length + removed.length > 0) this.#tell()
    const responses = operations.map((operation) =>
      operation['request_range'] === undefined ? {} : { response_range: { kvs: this.#all() } },
    )
    return this.#answer({ succeeded: isMet, responses })
  }

  #holds(condition: Json): boolean {
    const found = this.#stored.get(String(condition['key']))
    if (condition['target'] === 'CREATE') return (found?.createRevision ?? 0) === Number(condition['create_revision'])
    if (condition['target'] === 'LEASE') return (found?.lease ?? '0') === condition['lease']
    return (found?.modRevision ?? 0) === Number(condition['mod_revision'])
  }

  #put({ key, value, lease }: Json): void {
    const name = String(key)
    const createRevision = this.#stored.get(name)?.createRevision ?? this.#revision
    this.#stored.set(name, { value: String(value), lease: String(lease), createRevision, modRevision: this.#revision })
    this.#onPut(Buffer.from(name, 'base64').toString(), Buffer.from(String(value), 'base64').toString())
  }

  #all(): Json[] {
    return [...this.#stored].map(([key, { value, modRevision, lease }]) => ({
      key,
      value,
      mod_revision: String(modRevision),
      lease,
    }))
  }

  #tell(): void {
    for (const tell of [...this.#watchers]) tell(this.#answer({ events: [{}] }))
  }

  #answer(body: Json): Json {
    return { header: { cluster_id: '1', revision: String(this.#revision), raft_term: '2' }, ...body }
  }
}
