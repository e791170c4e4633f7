/** What the data directory says of the topics in the commit log, and whether that goes with the queues that are there. */

import { join } from 'node:path'
import type { Disk } from '../../../files/disk.js'
import { mayBeTopic } from '../../commit-log-adoption.js'
import { CommitLogState } from '../../commit-log-state.js'
import { storePathOf } from '../../store-places.js'
import type { Topic } from '../../topic-catalog.js'
import type { Findings } from '../findings.js'
import type { StoreFacts } from './check-store.js'

/** Before which position the messages of a queue are not its own; undefined where nobody knows of a deletion. */
export async function sinceFrom(
  disk: Disk,
  dataPath: string | undefined,
  topics: readonly Topic[] | undefined,
  findings: Findings,
): Promise<(topic: string, queueId: number) => number | undefined> {
  const state = dataPath === undefined ? undefined : await readState(disk, join(dataPath, 'config'), findings)
  const known = new Map(topics?.map((topic) => [topic.name, topic]))
  return (name, queueId) => {
    const topic = known.get(name)
    if (topic?.layout !== 'commitlog') return state?.deletedUpTo(name) || undefined
    if (topic.deleting) return Number.POSITIVE_INFINITY
    return state?.sinceOf(name, queueId, topic) ?? topic.since ?? 0
  }
}

async function readState(disk: Disk, configPath: string, findings: Findings): Promise<CommitLogState | undefined> {
  try {
    return await CommitLogState.load(disk, configPath)
  } catch (error) {
    const path = join(configPath, 'commit-log.json')
    if (!findings.has('metadata-unreadable', path)) findings.add('metadata-unreadable', path, (error as Error).message)
    return undefined
  }
}

export async function checkTopicsOfStore(
  disk: Disk,
  dataPath: string,
  topics: readonly Topic[] | undefined,
  store: StoreFacts | undefined,
  findings: Findings,
): Promise<void> {
  const inStore = topics?.filter(({ layout, deleting }) => layout === 'commitlog' && !deleting) ?? []
  const path = storePathOf(dataPath)
  if (inStore.length > 0 && (await disk.list(path)) === undefined) {
    const what = 'It is missing, and config/topics.json lists topics in it'
    findings.add('directory-missing', path, what, {
      next: 'put the directory back; without it the store does not open',
    })
  }
  const known = new Map(topics?.map((topic) => [topic.name, topic]))
  for (const { topic, queueId, startOffset, endOffset } of store?.queues ?? []) {
    const { layout, partitions = 0 } = known.get(topic) ?? {}
    const isTaken = known.has(topic) ? layout === 'commitlog' : mayBeTopic(topic)
    if (topics === undefined || !isTaken || startOffset === endOffset || queueId < partitions) continue
    const what = `Queue ${topic}/${queueId} holds messages, and config/topics.json does not list it`
    findings.add('directory-unlisted', path, what)
  }
}
