/** Checks the files of a data directory that lie beside the log: its identity, its topics, its producer ids. */

import { join } from 'node:path'
import { resolveSettings, topicSettings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import { formatVersion, parseJson, replicationFile } from '../data-directory.js'
import { decodeProperties } from '../segments/text-files.js'
import { type Topic, TopicCatalog } from '../topic-catalog.js'
import type { Findings } from './findings.js'
import { kindOfPath, readSmallFile } from './open-file.js'

export interface DataDirectoryFacts {
  /** Undefined where the catalog is missing or cannot be read. */
  readonly topics: readonly Topic[] | undefined
  readonly clusterId: string | undefined
  readonly nodeId: number | undefined
  /** It has been one of several nodes that hold copies of the same logs. */
  readonly isReplica: boolean
  /** The first producer id that was never given away; undefined where nobody tells. */
  readonly nextProducerId: number | undefined
}

export async function checkDataDirectory(
  disk: Disk,
  dataPath: string,
  logPath: string,
  findings: Findings,
): Promise<DataDirectoryFacts> {
  const identity = await checkIdentity(disk, dataPath, logPath, findings)
  const topics = await checkCatalog(disk, dataPath, findings)
  const nextProducerId = await checkProducerIds(disk, dataPath, findings)
  for (const { name, isDirectory } of (await disk.list(join(dataPath, 'config'))) ?? []) {
    const path = join(dataPath, 'config', name)
    if (name.endsWith('.tmp')) findings.add('leftover', path, 'A file that was being written when the process ended')
    else if (isDirectory || !name.endsWith('.json'))
      findings.add('foreign-file', path, 'It does not belong into config/')
    else if (name !== 'topics.json' && name !== 'producer-ids.json') await parsed(disk, path, findings)
  }
  const isReplica = (await kindOfPath(disk, join(dataPath, 'config', replicationFile))) !== undefined
  return { topics, ...identity, isReplica, nextProducerId }
}

/** The JSON object in a file; undefined, and a finding, where there is none. */
async function parsed(disk: Disk, path: string, findings: Findings): Promise<Record<string, unknown> | undefined> {
  try {
    const bytes = await readSmallFile(disk, path)
    return bytes && parseJson(bytes, path)
  } catch (error) {
    findings.add('metadata-unreadable', path, (error as Error).message)
    return undefined
  }
}

async function checkIdentity(
  disk: Disk,
  dataPath: string,
  logPath: string,
  findings: Findings,
): Promise<Pick<DataDirectoryFacts, 'clusterId' | 'nodeId'>> {
  const path = join(dataPath, 'holdfast.json')
  const identity = await parsed(disk, path, findings)
  if (identity === undefined) {
    if (!findings.has('metadata-unreadable', path)) findings.add('metadata-missing', path, 'It is missing')
    return { clusterId: undefined, nodeId: undefined }
  }
  const { formatVersion: version, clusterId, nodeId } = identity
  if (version !== formatVersion)
    findings.add('metadata-wrong', path, `Its formatVersion is ${String(version)}, not ${formatVersion}`)
  const properties = decodeProperties((await readSmallFile(disk, join(logPath, 'meta.properties'))) ?? Buffer.alloc(0))
  const owner = properties['node.id'] ?? properties['broker.id']
  if (typeof clusterId !== 'string' || typeof nodeId !== 'number') {
    findings.add('metadata-unreadable', path, 'It lacks a cluster id or node id')
  } else if (owner !== undefined && Number(owner) !== nodeId) {
    findings.add('metadata-wrong', path, `It names node ${nodeId}, and meta.properties ${owner}`)
  }
  return {
    clusterId: typeof clusterId === 'string' ? clusterId : undefined,
    nodeId: typeof nodeId === 'number' ? nodeId : undefined,
  }
}

async function checkCatalog(disk: Disk, dataPath: string, findings: Findings): Promise<readonly Topic[] | undefined> {
  const path = join(dataPath, 'config', 'topics.json')
  if ((await kindOfPath(disk, path)) === undefined) {
    findings.add('metadata-missing', path, 'It is missing', { severity: 'note' })
    return undefined
  }
  try {
    const topics = (await TopicCatalog.load(disk, join(dataPath, 'config'))).all()
    for (const { name, config } of topics) {
      try {
        // One flush type for the whole store would do for this topic; which the store has is not known here.
        const flushType = config['flush.disk.type']
        topicSettings(resolveSettings({ 'flush.disk.type': flushType }), config)
      } catch (error) {
        findings.add(
          'metadata-wrong',
          path,
          `The configuration of topic ${name} is refused: ${(error as Error).message}`,
        )
      }
    }
    return topics
  } catch (error) {
    findings.add('metadata-unreadable', path, (error as Error).message)
    return undefined
  }
}

async function checkProducerIds(disk: Disk, dataPath: string, findings: Findings): Promise<number | undefined> {
  const path = join(dataPath, 'config', 'producer-ids.json')
  const ids = await parsed(disk, path, findings)
  if (ids === undefined) return undefined
  const { version, nextProducerId } = ids
  if (version === 1 && Number.isSafeInteger(nextProducerId) && Number(nextProducerId) >= 0)
    return Number(nextProducerId)
  findings.add('metadata-unreadable', path, 'It does not tell the next producer id')
  return undefined
}
