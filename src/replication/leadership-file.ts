/**
 * `config/replication.json`: what this directory knows of its cluster. Where a person decides who leads it is the record
 * itself; where etcd does, it says that this directory belongs to the cluster, and that it was in sync when it last heard:
 * a directory that was emptied says neither, and may not lead by what etcd remembers of its node.
 */

import { join } from 'node:path'
import type { Member } from '../broker/replication.js'
import { HoldfastError } from '../core/errors.js'
import type { Disk } from '../files/disk.js'
import { replicationFile } from '../storage/data-directory.js'
import type { Leadership } from './authority.js'

export interface LeadershipRecord {
  readonly leadership: Leadership
  readonly members: readonly Member[]
}

export class LeadershipFile {
  readonly #disk: Disk
  readonly #path: string
  #record: LeadershipRecord | undefined

  private constructor(disk: Disk, path: string, record: LeadershipRecord | undefined) {
    this.#disk = disk
    this.#path = path
    this.#record = record
  }

  /** @throws DATA_DIR_DAMAGED */
  static async load(disk: Disk, configPath: string): Promise<LeadershipFile> {
    const path = join(configPath, replicationFile)
    const bytes = await disk.readFile(path)
    return new LeadershipFile(disk, path, bytes && decode(bytes, path))
  }

  get record(): LeadershipRecord | undefined {
    return this.#record
  }

  /** Durable when this resolves. */
  async put(record: LeadershipRecord): Promise<void> {
    const text = encode(record)
    if (this.#record !== undefined && encode(this.#record) === text) return
    await this.#disk.replaceFile(this.#path, Buffer.from(text))
    this.#record = record
  }

  /** Writes what it holds once more, which shows whether the disk takes anything. */
  async writeAgain(): Promise<void> {
    if (this.#record !== undefined) await this.#disk.replaceFile(this.#path, Buffer.from(encode(this.#record)))
  }
}

function encode({ leadership, members }: LeadershipRecord): string {
  const sorted = [...members].sort((one, other) => one.nodeId - other.nodeId)
  return `${JSON.stringify({ version: 1, ...leadership, members: sorted }, null, 2)}\n`
}

function decode(bytes: Buffer, path: string): LeadershipRecord {
  const damaged = () =>
    new HoldfastError('DATA_DIR_DAMAGED', `${path} does not say who leads. Restore it from a backup.`)
  let row: Record<string, unknown>
  try {
    row = (JSON.parse(bytes.toString('utf8')) ?? {}) as Record<string, unknown>
  } catch {
    throw damaged()
  }
  const { version, clusterId, epoch, leaderId, inSync, members } = row
  const isSound =
    version === 1 &&
    typeof clusterId === 'string' &&
    Number.isSafeInteger(epoch) &&
    Number.isSafeInteger(leaderId) &&
    Array.isArray(inSync) &&
    inSync.every(Number.isSafeInteger) &&
    Array.isArray(members) &&
    members.every(isMember)
  if (!isSound) throw damaged()
  return {
    leadership: { clusterId, epoch: Number(epoch), leaderId: Number(leaderId), inSync: inSync as number[] },
    members: (members as Member[]).map(({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack })),
  }
}

function isMember(found: unknown): boolean {
  const { nodeId, host, port, rack } = (found ?? {}) as Record<string, unknown>
  return (
    Number.isSafeInteger(nodeId) && typeof host === 'string' && Number.isSafeInteger(port) && typeof rack === 'string'
  )
}
