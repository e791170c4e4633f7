/** How the broker is now and was in the last hour, and what is advised; told anew each second to who listens. */

import type { StoredLogs } from '../storage/stored-logs.js'
import type { Advice, History, LiveTick, Overview } from './api-types.js'
import type { ConsoleApp, ConsoleTools } from './context.js'
import { type EventStream, eventFrame } from './event-streams.js'
import { numberIn } from './parameters.js'

const longestHistorySeconds = 3600
const usualHistorySeconds = 600
const mostFailed = 100

export function addOverview(app: ConsoleApp, tools: ConsoleTools): void {
  const { monitor, limits } = tools
  app.get('/api/overview', async (c) => c.json(await limits.run(() => overviewOf(tools))))
  app.get('/api/history', (c) => {
    const seconds = numberIn(c, 'seconds', { min: 1, max: longestHistorySeconds }) ?? usualHistorySeconds
    return c.json<History>({ ticks: monitor.history(seconds) })
  })
  app.get('/api/advice', (c) => c.json(monitor.advice))
  const live = new Live(tools)
  app.get('/api/live', (c) => tools.streams.open(c, (stream) => live.add(stream)))
}

async function overviewOf({ broker, monitor, kafkaAddress, version, startedAtMs }: ConsoleTools): Promise<Overview> {
  const { topics } = broker.stored
  return {
    version,
    clusterId: broker.clusterId,
    nodeId: broker.nodeId,
    startedAtMs,
    kafkaAddress,
    flushPolicy: broker.settings['flush.disk.type'],
    topics: topics.length,
    partitions: topics.reduce((sum, { partitions }) => sum + partitions, 0),
    groups: (await broker.listGroups()).length,
    failedPartitions: failedIn(broker.stored),
    disk: monitor.disk,
    now: monitor.now,
    advice: monitor.advice,
  }
}

function failedIn(stored: StoredLogs): Overview['failedPartitions'] {
  const failed: { topic: string; partition: number; why: string }[] = []
  for (const { topic, partition, log } of stored.partitions()) {
    if (failed.length === mostFailed) break
    if (log?.failure !== undefined) failed.push({ topic, partition, why: log.failure.message })
  }
  return failed
}

/** Each tick is written as text once, whoever listens. */
class Live {
  readonly #tools: ConsoleTools
  readonly #streams = new Set<EventStream>()
  #stop: (() => void)[] = []

  constructor(tools: ConsoleTools) {
    this.#tools = tools
  }

  add(stream: EventStream): void {
    const { monitor } = this.#tools
    if (this.#streams.size === 0) {
      this.#stop = [
        monitor.onTick((tick: LiveTick) => this.#tell('tick', tick)),
        monitor.onAdvice((advice: readonly Advice[]) => this.#tell('advice', advice)),
      ]
    }
    this.#streams.add(stream)
    stream.signal.addEventListener('abort', () => this.#remove(stream), { once: true })
    if (monitor.now !== null) stream.send(eventFrame('tick', monitor.now))
    stream.send(eventFrame('advice', monitor.advice))
  }

  #remove(stream: EventStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    for (const stop of this.#stop.splice(0)) stop()
  }

  /** Who has not taken the last one is told the next. */
  #tell(event: string, data: unknown): void {
    const frame = eventFrame(event, data)
    for (const stream of this.#streams) if (!stream.isBehind) stream.send(frame)
  }
}
