/** The names that completion offers beside commands and options: settings, and topics and groups where one can tell quickly. */

import { systemClock } from '../core/clock.js'
import { describeSettings } from '../core/settings.js'
import { profiles } from '../core/settings-profiles.js'
import type { Candidate, NameSource, Names } from './completing.js'
import { defaultBroker } from './target.js'

/** Who pressed a key waits no longer than that. */
const patienceMs = 400

export function completionNames(): Names {
  const rows = describeSettings()
  const topicSettings = rows.flatMap(({ topicName, help }): Candidate[] =>
    topicName === undefined ? [] : [{ value: topicName, help }],
  )
  return {
    settings: rows.map(({ name, help }) => ({ value: name, help })),
    topicSettings,
    profiles: Object.entries(profiles).map(([value, { help }]) => ({ value, help })),
    lookUp,
  }
}

/** Nothing where nobody answers, or a folder cannot be read: completion says no errors. */
async function lookUp({ kind, options }: NameSource): Promise<readonly string[]> {
  const data = options['--data']
  try {
    if (data === undefined) return await soon(namesAt(options['--broker'] ?? defaultBroker, kind))
    return kind === 'topics' ? await topicsIn(data) : []
  } catch {
    return []
  }
}

async function namesAt(address: string, kind: NameSource['kind']): Promise<readonly string[]> {
  const { RemoteBroker } = await import('../kafka/remote-broker.js')
  const broker = await RemoteBroker.connect(address)
  try {
    if (kind === 'groups') return (await broker.listGroups()).map(({ groupId }) => groupId).sort()
    return (await broker.describeTopics(null)).map(({ name }) => name).sort()
  } finally {
    await broker.close()
  }
}

/** As the folder's list of topics says, which is read without opening the folder: somebody may be serving it. */
async function topicsIn(path: string): Promise<readonly string[]> {
  const [{ TopicCatalog }, { nodeDisk }] = await Promise.all([
    import('../storage/topic-catalog.js'),
    import('../files/node-disk.js'),
  ])
  const catalog = await TopicCatalog.load(nodeDisk, `${path}/config`)
  return catalog
    .all()
    .filter(({ deleting }) => !deleting)
    .map(({ name }) => name)
    .sort()
}

function soon<T>(work: Promise<readonly T[]>): Promise<readonly T[]> {
  return new Promise((resolve, reject) => {
    const timer = systemClock.schedule(patienceMs, () => resolve([]))
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}
