/** What lies on the disk: the logs with their sizes, and the files of one to be drawn to scale. */

import { HoldfastError } from '../core/errors.js'
import type { LogFiles } from '../storage/stored-logs.js'
import type { StorageOverview, StoredFile, StoredLog } from './api-types.js'
import type { ConsoleApp, ConsoleTools } from './context.js'
import { commitLogName, logName } from './log-names.js'
import { partitionOf, partOf } from './parameters.js'

/** The largest of more are listed. */
const mostLogs = 500
const mostFiles = 200

export function addStorage(app: ConsoleApp, tools: ConsoleTools): void {
  const { broker, limits, monitor } = tools
  app.get('/api/storage', async (c) => {
    const overview = await limits.run(async (): Promise<StorageOverview> => {
      const logs = await broker.stored.sizes()
      logs.sort((one, other) => other.sizeInBytes - one.sizeInBytes)
      return { disk: monitor.disk, logs: logs.slice(0, mostLogs), totalLogs: logs.length }
    })
    return c.json(overview)
  })
  app.get('/api/storage/commitlog', async (c) => {
    const files = await limits.run(() => broker.stored.filesOfCommitLog(mostFiles))
    if (files === undefined) throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', 'There is no commit log here.')
    return c.json(storedLog(tools, files, null, null))
  })
  app.get('/api/storage/:topic/:partition', async (c) => {
    const [topic, partition] = [partOf(c, 'topic'), partitionOf(c)]
    const files = await limits.run(() => broker.stored.filesOf(topic, partition, mostFiles))
    if (files === undefined) {
      const why = `${topic}-${partition} has no log of its own: it does not exist, or lies in the commit log.`
      throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', why)
    }
    return c.json(storedLog(tools, files, topic, partition))
  })
}

function storedLog(tools: ConsoleTools, log: LogFiles, topic: string | null, partition: number | null): StoredLog {
  const { layout, directory, files, totalFiles, indexBytes } = log
  const name = topic === null || partition === null ? commitLogName : logName(topic, partition)
  return {
    layout,
    directory,
    topic,
    partition,
    files: files.map(
      ({ isMapped: mapped, isCompactable: compactable, ...file }): StoredFile => ({ ...file, mapped, compactable }),
    ),
    totalFiles,
    indexBytes,
    flushes: tools.flushes
      .of(name)
      .map(({ timeMs, durationMs, messages, bytes }) => ({ timeMs, durationMs, messages, bytes })),
  }
}
