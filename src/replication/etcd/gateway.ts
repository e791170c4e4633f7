/** The requests of etcd's version 3 that this program makes, in the JSON of its HTTP gateway: bytes as base64, 64-bit numbers as text. */

import type { EtcdWire, Json } from './endpoints.js'

export interface KeyValue {
  readonly key: string
  readonly value: string
  /** Of the last change of the key: no two changes have the same. */
  readonly modRevision: number
  /** '0' where the key is bound to none. */
  readonly lease: string
}

/** All keys below a prefix, as they were at one revision of etcd. */
export interface Snapshot {
  readonly revision: number
  /** The term of etcd's own leader, as the member that answered knew it. */
  readonly term: string
  readonly entries: readonly KeyValue[]
}

/** What must hold for a change to be made. */
export type Condition =
  | { readonly key: string; readonly isAbsent: true }
  | { readonly key: string; readonly modRevision: number }
  | { readonly key: string; readonly lease: string }

export type Change =
  | { readonly put: string; readonly value: string; readonly lease?: string }
  | { readonly remove: string }

export interface Changed {
  /** All conditions held, and all changes were made. */
  readonly succeeded: boolean
  /** After it. */
  readonly snapshot: Snapshot
}

export class Gateway {
  readonly #wire: EtcdWire
  readonly #range: Json

  /** `prefix` ends with a slash. */
  constructor(wire: EtcdWire, prefix: string) {
    this.#wire = wire
    // What follows the slash among the letters: so the range ends behind all that begin with the prefix.
    this.#range = { key: encode(prefix), range_end: encode(`${prefix.slice(0, -1)}0`) }
  }

  /** The endpoint that is asked first. */
  get endpoint(): number {
    return this.#wire.current
  }

  /** Everything below the prefix; no older than this call. */
  async read(): Promise<Snapshot> {
    const answer = await this.#wire.post('/v3/kv/range', this.#range)
    return snapshotOf(answer, answer['kvs'])
  }

  /** Makes all changes where all conditions hold, and none where one does not. */
  async change(conditions: readonly Condition[], changes: readonly Change[]): Promise<Changed> {
    const look = { request_range: this.#range }
    const answer = await this.#wire.post('/v3/kv/txn', {
      compare: conditions.map(comparison),
      success: [...changes.map(operation), look],
      failure: [look],
    })
    const responses = answer['responses'] as readonly Json[]
    const seen = responses[responses.length - 1]['response_range'] as Json
    return { succeeded: answer['succeeded'] === true, snapshot: snapshotOf(answer, seen['kvs']) }
  }

  /** etcd may grant more than was asked for. */
  async grant(seconds: number): Promise<{ id: string; seconds: number }> {
    const answer = await this.#wire.post('/v3/lease/grant', { TTL: String(seconds) })
    return { id: String(answer['ID']), seconds: Number(answer['TTL']) }
  }

  /** `seconds` from now; 0 where the lease has run out. */
  async keepAlive(id: string): Promise<{ seconds: number; term: string }> {
    const answer = await this.#wire.post('/v3/lease/keepalive', { ID: id })
    return { seconds: Number(answer['TTL'] ?? 0), term: termOf(answer) }
  }

  /** Ends a lease, and with it the keys that are bound to it. @throws LeaseNotFound */
  async revoke(id: string): Promise<void> {
    await this.#wire.post('/v3/lease/revoke', { ID: id })
  }

  /** Tells of changes below the prefix from a revision on. */
  watch(fromRevision: number, signal: AbortSignal): AsyncGenerator<Json> {
    const create = { ...this.#range, start_revision: String(fromRevision) }
    return this.#wire.stream('/v3/watch', { create_request: create }, signal)
  }
}

/** The revision at which etcd gave an answer. */
export function revisionOf(answer: Json): number {
  return Number((answer['header'] as Json)['revision'])
}

function termOf(answer: Json): string {
  return String((answer['header'] as Json)['raft_term'])
}

function snapshotOf(answer: Json, kvs: unknown): Snapshot {
  const entries = ((kvs ?? []) as readonly Json[]).map((entry) => ({
    key: decode(entry['key']),
    value: decode(entry['value']),
    modRevision: Number(entry['mod_revision']),
    lease: String(entry['lease'] ?? 0),
  }))
  return { revision: revisionOf(answer), term: termOf(answer), entries }
}

function comparison(condition: Condition): Json {
  const key = encode(condition.key)
  if ('isAbsent' in condition) return { key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }
  if ('lease' in condition) return { key, target: 'LEASE', result: 'EQUAL', lease: condition.lease }
  return { key, target: 'MOD', result: 'EQUAL', mod_revision: String(condition.modRevision) }
}

function operation(change: Change): Json {
  if ('remove' in change) return { request_delete_range: { key: encode(change.remove) } }
  const { put, value, lease = '0' } = change
  return { request_put: { key: encode(put), value: encode(value), lease } }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** An empty value is left out of an answer. */
function decode(text: unknown): string {
  return Buffer.from(String(text ?? ''), 'base64').toString()
}
