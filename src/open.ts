/** Opens a queue by its address: a folder of this machine, or a Kafka cluster. */

import { fileURLToPath } from 'node:url'
import { checkOptions, refuse } from './client/arguments.js'
import { shown } from './client/message.js'
import { type FolderOptions, folderOptionNames, openFolder } from './client/open.js'
import { type ClientOptions, clientOptionNames, Queue } from './client/queue.js'
import type { ClusterOptions } from './kafka/open.js'

/** Those of a folder, and those of a `kafka:` URL; the ones of the other kind are refused. */
export interface OpenOptions extends FolderOptions, ClusterOptions {}

const clusterOptionNames = ['tls', 'sasl', 'retryMs']

/** Why a folder's options mean nothing to a cluster. */
const onlyOfFolders: Readonly<Record<string, string>> = {
  settings: 'a cluster has its own settings; those of a topic can be given with topics.create and topics.alter',
  flush: 'when a message counts as stored is decided by the cluster, with min.insync.replicas; sends ask for acks=all',
  profile: 'it is a set of settings of a store, and a cluster has its own',
  config: 'it names settings of a store, and a cluster has its own',
  metrics: "what is counted is the store, and that is the brokers'; they tell it themselves",
}

/**
 * Opens a queue: the one in a folder, creating it where it is missing, and recovering it where the last process was
 * killed; or, with a `kafka:` URL, one on a Kafka cluster, of which one broker or more are named. One process has a folder
 * open at a time. Close it, or let `await using` do so.
 *
 *     await using mq = await open('./data')
 *     await using fast = await open('./metrics', { profile: 'fast' })
 *     await using far = await open('kafka://host1:9092,host2:9092')
 *
 * The settings of a folder come from the profile, the file, the environment (HOLDFAST_FLUSH_DISK_TYPE and so on) and these
 * options, later ones over earlier ones.
 *
 * @param location a path, a `file:` URL, or `kafka://HOST:PORT,HOST:PORT` (port 9092 where it is left out)
 * @throws DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_DAMAGED, DATA_DIR_READ_ONLY, INVALID_SETTING, INVALID_ARGUMENT;
 * CONNECTION_FAILED, SASL_AUTHENTICATION_FAILED, UNSUPPORTED_SASL_MECHANISM; or the signal's reason
 */
export async function open(location: string | URL, options: OpenOptions = {}): Promise<Queue> {
  checkOptions('open', options, [...folderOptionNames, ...clusterOptionNames, 'signal', ...clientOptionNames])
  const place = placeOf(location)
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
  const isFolder = 'path' in place
  for (const [name] of given) {
    if (isFolder && clusterOptionNames.includes(name)) refuse(`open: ${name} is for kafka: URLs, and this is a folder.`)
    const why = isFolder ? undefined : onlyOfFolders[name]
    if (why !== undefined) refuse(`open: ${name} is refused for a cluster: ${why}.`)
  }
  const ofBoth = (name: string): boolean => name === 'signal' || clientOptionNames.includes(name)
  const pick = <O>(...names: readonly string[]) =>
    Object.fromEntries(given.filter(([name]) => ofBoth(name) || names.includes(name))) as O
  if (isFolder) return openFolder(place.path, pick<FolderOptions>(...folderOptionNames))
  // A program with a folder needs nothing of the wire.
  const { openCluster } = await import('./kafka/open.js')
  options.signal?.throwIfAborted()
  const service = await openCluster(place.brokers, pick<ClusterOptions>(...clusterOptionNames))
  try {
    options.signal?.throwIfAborted()
    const { signal: _, ...clientOptions } = pick<ClientOptions & { signal?: AbortSignal }>()
    return new Queue(service, clientOptions)
  } catch (error) {
    await service.close()
    throw error
  }
}

function placeOf(location: unknown): { readonly path: string } | { readonly brokers: string } {
  if (location instanceof URL) return placeOf(location.href)
  if (typeof location !== 'string' || location === '') {
    return refuse(`open: the location is ${location === '' ? 'empty' : shown(location)}; it must be a path.`)
  }
  // One letter in front of a colon is a drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(location)?.[1].toLowerCase()
  if (scheme === undefined) return { path: location }
  if (scheme === 'kafka') return { brokers: location }
  if (scheme !== 'file') return refuse(`open: ${location} is refused: give a path, or a file: or kafka: URL.`)
  return { path: location.startsWith('file:/') ? fileURLToPath(location) : location.slice('file:'.length) }
}
