/**
 * The data directory as a whole: who holds it, which format version it has, which cluster it belongs to.
 *
 * FORMAT MIGRATION GUIDE. `holdfast.json` carries `formatVersion`. A program reads its own version and the one before.
 * To change the layout: raise `formatVersion`, teach `openDataDirectory` to bring a directory of the previous version
 * over before anything else is opened (each step safe to repeat after a crash, `holdfast.json` rewritten last), and say
 * in CHANGELOG.md what the step does. A newer version than this program's is refused untouched.
 *
 *   holdfast.json          format version, cluster id, node id
 *   lock                   held while open
 *   config/topics.json     topics and their configuration
 *   index/                 key indexes, which can be built again from the logs
 *   log/                   a Kafka log.dir, to the byte; it lies elsewhere where store.path.commitlog says so
 *   store/, store-state/   RocketMQ's directory and what is known of it, where a topic is in the commit log
 */

import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { type Randomness, randomUuid, uuidText } from '../core/randomness.js'
import { originOf, originText, type Settings } from '../core/settings.js'
import type { Disk, DiskLock } from '../files/disk.js'
import { decodeProperties, encodeMetaProperties } from './segments/text-files.js'

/** In `config/`, where the directory is one of several that hold copies of the same logs. */
export const replicationFile = 'replication.json'

export const formatVersion = 1

export interface DataDirectory {
  readonly path: string
  /** The Kafka log.dir: inside it, or where the setting store.path.commitlog says. */
  readonly logPath: string
  readonly configPath: string
  readonly clusterId: string
  readonly nodeId: number
  /** The log directory has been in use: it bears the cluster's name. */
  readonly hasLogs: boolean
  /** Writes the cluster's name into the log directory where it is not there yet. */
  claimLogs(): Promise<void>
  release(): Promise<void>
}

interface Identity {
  readonly formatVersion: number
  readonly clusterId: string
  readonly nodeId: number
}

const metaFile = 'meta.properties'

/**
 * Takes the lock and reads the identity of a data directory, making both where the directory is new. A directory that
 * holds a Kafka log.dir under `log/` takes its cluster id and node id from there.
 * @throws DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_DAMAGED, DATA_DIR_READ_ONLY, INVALID_SETTING
 */
export async function openDataDirectory(
  path: string,
  tools: { disk: Disk; clock: Clock; randomness: Randomness; settings: Settings },
): Promise<DataDirectory> {
  const { disk } = tools
  const logPath = logPathOf(path, tools.settings)
  await disk.makeDirectory(path)
  const lock = await disk.lock(join(path, 'lock'))
  const locks: DiskLock[] = [lock]
  const release = async () => {
    const outcomes = await Promise.allSettled(locks.map((held) => held.release()))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }
  try {
    // Before anything is written: a directory of a newer format is left as it is.
    const stored = await readIdentity(disk, path)
    const configPath = join(path, 'config')
    await disk.makeDirectory(logPath)
    await disk.makeDirectory(configPath)
    // Kafka's own lock, so that neither program opens the log directory under the other.
    locks.push(await disk.lock(join(logPath, '.lock')))
    if (stored === undefined) await syncAncestors(disk, path)
    const identity = stored ?? (await createIdentity(path, logPath, tools))
    const { clusterId, nodeId } = identity
    checkNodeId(path, nodeId, tools.settings)
    const hasLogs = await belongsTo(clusterId, logPath, disk)
    // The way to it is not that to the data directory.
    if (!hasLogs && logPath !== join(path, 'log')) await syncAncestors(disk, logPath)
    const claimLogs = () => ensureMetaProperties(logPath, identity, tools)
    return { path, logPath, configPath, clusterId, nodeId, hasLogs, claimLogs, release }
  } catch (error) {
    await release()
    throw error
  }
}

/**
 * Where the logs of a data directory lie under these settings.
 * @throws INVALID_SETTING where they would lie among the files of the data directory itself
 */
export function logPathOf(path: string, settings: Settings): string {
  const asked = settings['store.path.commitlog']
  if (asked === '') return join(path, 'log')
  const logPath = isAbsolute(asked) ? asked : join(path, asked)
  if ([path, join(path, 'config'), join(path, 'index')].some((own) => resolve(own) === resolve(logPath))) {
    throw new HoldfastError(
      'INVALID_SETTING',
      `store.path.commitlog = ${asked} (${originText(originOf(settings, 'store.path.commitlog'))}) is refused: ${logPath} holds other files of the store. Name a directory for the logs alone.`,
    )
  }
  return logPath
}

/**
 * Whether the log directory has been in use, by this cluster. To open another's would take over its topics, and make
 * those of this one anew and empty.
 * @throws DATA_DIR_DAMAGED where it is another cluster's
 */
async function belongsTo(clusterId: string, logPath: string, disk: Disk): Promise<boolean> {
  const bytes = await disk.readFile(join(logPath, metaFile))
  if (bytes === undefined) return false
  const owner = decodeProperties(bytes)['cluster.id'] ?? clusterId
  if (owner === clusterId) return true
  throw new HoldfastError(
    'DATA_DIR_DAMAGED',
    `${logPath} holds the logs of cluster ${owner}, and this data directory belongs to cluster ${clusterId}. Is store.path.commitlog right?`,
  )
}

/**
 * Makes the way to a new directory durable: it may have been made by a process that died before it got to that. One
 * above that cannot be synced (it may not even be readable) is not one that we made.
 */
async function syncAncestors(disk: Disk, path: string): Promise<void> {
  for (let child = resolve(path); child !== dirname(child); child = dirname(child)) {
    await disk.syncDirectory(dirname(child)).catch(() => {})
  }
}

async function readIdentity(disk: Disk, path: string): Promise<Identity | undefined> {
  const file = join(path, 'holdfast.json')
  const bytes = await disk.readFile(file)
  if (bytes === undefined) return undefined
  const identity = parseJson(bytes, file) as Partial<Identity>
  const version = identity.formatVersion
  if (typeof version === 'number' && version > formatVersion) {
    throw new HoldfastError(
      'DATA_DIR_NEWER',
      `${path} has format version ${version}; this program reads up to ${formatVersion}. Use a newer Holdfast.`,
    )
  }
  if (version !== formatVersion || typeof identity.clusterId !== 'string' || typeof identity.nodeId !== 'number') {
    throw new HoldfastError(
      'DATA_DIR_DAMAGED',
      `${file} lacks a format version, cluster id or node id. Restore it from a backup.`,
    )
  }
  return identity as Identity
}

async function createIdentity(
  path: string,
  logPath: string,
  { disk, randomness, settings }: { disk: Disk; randomness: Randomness; settings: Settings },
): Promise<Identity> {
  const kafka = decodeProperties((await disk.readFile(join(logPath, metaFile))) ?? Buffer.alloc(0))
  const nodeId = Number(kafka['node.id'] ?? kafka['broker.id'] ?? settings['node.id'])
  const identity: Identity = {
    formatVersion,
    clusterId: kafka['cluster.id'] ?? uuidText(randomUuid(randomness)),
    nodeId: Number.isSafeInteger(nodeId) && nodeId >= 0 ? nodeId : settings['node.id'],
  }
  await disk.replaceFile(join(path, 'holdfast.json'), Buffer.from(`${JSON.stringify(identity, null, 2)}\n`))
  return identity
}

/** @throws INVALID_SETTING where the directory is another node's */
function checkNodeId(path: string, nodeId: number, settings: Settings): void {
  const asked = settings['node.id']
  const origin = originOf(settings, 'node.id')
  if (asked === nodeId || origin.kind === 'default') return
  const why = `node.id = ${asked} (${originText(origin)}) is refused: ${path} is the directory of node ${nodeId}, which it stays.`
  throw new HoldfastError('INVALID_SETTING', why)
}

async function ensureMetaProperties(
  logPath: string,
  identity: Identity,
  { disk, clock, randomness }: { disk: Disk; clock: Clock; randomness: Randomness },
): Promise<void> {
  const path = join(logPath, metaFile)
  if ((await disk.readFile(path)) !== undefined) return
  const entries = metaEntries(identity.clusterId, identity.nodeId, randomness)
  await disk.replaceFile(path, encodeMetaProperties(entries, clock.now()))
}

/** What `meta.properties` says of a log directory that gets a new one. */
export function metaEntries(clusterId: string, nodeId: number, randomness: Randomness): Record<string, string> {
  return {
    version: '1',
    'cluster.id': clusterId,
    'node.id': String(nodeId),
    'directory.id': uuidText(randomUuid(randomness)),
  }
}

/** @throws DATA_DIR_DAMAGED with the path where the text is no JSON object */
export function parseJson(bytes: Buffer, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (cause) {
    throw new HoldfastError('DATA_DIR_DAMAGED', `${path} is not JSON. Restore it from a backup, or move it aside.`, {
      cause,
    })
  }
  throw new HoldfastError(
    'DATA_DIR_DAMAGED',
    `${path} holds no JSON object. Restore it from a backup, or move it aside.`,
  )
}
