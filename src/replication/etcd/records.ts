/**
 * What the nodes of a cluster keep in etcd, and under which keys. The record of the leadership stays for ever; who leads and
 * who is there are bound to leases, so that they go with a node that is gone.
 */

import type { Member } from '../../broker/replication.js'
import { HoldfastError, reasonOf } from '../../core/errors.js'
import type { Leadership } from '../authority.js'
import type { Snapshot } from './gateway.js'

const version = 1
const largestInt32 = 2 ** 31 - 1

export class Keys {
  /** All begin with it. */
  readonly prefix: string
  readonly leadership: string
  /** It exists while the lease of a node that leads runs. */
  readonly leader: string
  readonly #members: string

  /** @throws INVALID_SETTING for a name that would mix with others */
  constructor(cluster: string) {
    if (!/^[A-Za-z0-9._-]{1,200}$/.test(cluster)) {
      throw new HoldfastError(
        'INVALID_SETTING',
        `replication.cluster: ${JSON.stringify(cluster)} is no name; it has 1 to 200 letters, digits, dots, dashes or underscores.`,
      )
    }
    this.prefix = `/${cluster}/`
    this.leadership = `${this.prefix}leadership`
    this.leader = `${this.prefix}leader`
    this.#members = `${this.prefix}members/`
  }

  member(nodeId: number): string {
    return `${this.#members}${nodeId}`
  }

  /** Undefined for another key. */
  nodeIdOf(key: string): number | undefined {
    const id = key.startsWith(this.#members) ? key.slice(this.#members.length) : ''
    return /^(0|[1-9][0-9]{0,9})$/.test(id) && Number(id) <= largestInt32 ? Number(id) : undefined
  }
}

/** What etcd was found to hold, understood. */
export interface View {
  readonly revision: number
  readonly term: string
  /** Undefined where there is none, or one that cannot be understood. */
  readonly leadership: Leadership | undefined
  /** Of the leadership's record; 0 where there is none. */
  readonly modRevision: number
  /** Why the record of the leadership cannot be understood. */
  readonly damage: HoldfastError | undefined
  /** Of the node that leads; undefined where nobody does. */
  readonly leaderLease: string | undefined
  /** By node id, in its order. */
  readonly members: ReadonlyMap<number, { readonly member: Member; readonly lease: string }>
  /** Keys of members that cannot be understood, and why. */
  readonly strange: readonly string[]
}

/** Throws nothing: what cannot be understood is told in the view. */
export function understand(keys: Keys, { revision, term, entries }: Snapshot): View {
  const members: [number, { member: Member; lease: string }][] = []
  const strange: string[] = []
  let decided: Pick<View, 'leadership' | 'modRevision' | 'damage'> = {
    leadership: undefined,
    modRevision: 0,
    damage: undefined,
  }
  let leaderLease: string | undefined
  for (const { key, value, modRevision, lease } of entries) {
    if (key === keys.leader) leaderLease = lease
    else if (key === keys.leadership) {
      try {
        decided = { leadership: decodeLeadership(value), modRevision, damage: undefined }
      } catch (error) {
        const why = `What etcd holds under ${key} cannot be understood: ${reasonOf(error)}.`
        decided = { leadership: undefined, modRevision, damage: new HoldfastError('REPLICATION_UNAVAILABLE', why) }
      }
    } else {
      try {
        const nodeId = keys.nodeIdOf(key)
        if (nodeId === undefined) throw new Error('it is no key of this program')
        members.push([nodeId, { member: decodeMember(nodeId, value), lease }])
      } catch (error) {
        strange.push(`${key}: ${reasonOf(error)}`)
      }
    }
  }
  members.sort(([a], [b]) => a - b)
  return { revision, term, ...decided, leaderLease, members: new Map(members), strange }
}

export function encodeLeadership({ clusterId, epoch, leaderId, inSync }: Leadership): string {
  return JSON.stringify({ version, clusterId, epoch, leaderId, inSync })
}

/** Throws an error that says what is wrong. */
export function decodeLeadership(text: string): Leadership {
  const { clusterId, epoch, leaderId, inSync } = decode(text)
  if (typeof clusterId !== 'string' || clusterId === '') throw wrong('clusterId', clusterId)
  if (!isWhole(epoch, 1)) throw wrong('epoch', epoch)
  if (!isWhole(leaderId, -1)) throw wrong('leaderId', leaderId)
  const isSet = Array.isArray(inSync) && inSync.length > 0 && new Set(inSync).size === inSync.length
  if (!isSet || !inSync.every((id): id is number => isWhole(id, 0))) throw wrong('inSync', inSync)
  return { clusterId, epoch, leaderId, inSync }
}

export function encodeLeader(nodeId: number, epoch: number): string {
  return JSON.stringify({ version, nodeId, epoch })
}

export function encodeMember({ host, port, rack }: Member): string {
  return JSON.stringify({ version, host, port, rack })
}

/** Throws an error that says what is wrong. */
export function decodeMember(nodeId: number, text: string): Member {
  const { host, port, rack } = decode(text)
  if (typeof host !== 'string' || host === '') throw wrong('host', host)
  if (!isWhole(port, 1) || port > 65_535) throw wrong('port', port)
  if (typeof rack !== 'string') throw wrong('rack', rack)
  return { nodeId, host, port, rack }
}

function decode(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`it is no JSON: ${JSON.stringify(text.slice(0, 60))}`)
  }
  if (typeof value !== 'object' || value === null) throw new Error(`it is no object: ${text.slice(0, 60)}`)
  const record = value as Record<string, unknown>
  if (record['version'] === version) return record
  throw new Error(`it has version ${JSON.stringify(record['version'])}, and this program knows ${version}`)
}

function isWhole(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= largestInt32
}

function wrong(name: string, value: unknown): Error {
  return new Error(`${name} is ${JSON.stringify(value)}`)
}
