/** What all contenders that append have in common: so many callers, one payload after the other. */

import { load } from '../callers.js'
import type { Contender } from '../harness/contender.js'
import { payloads } from '../payloads.js'

/** What {@link appending} reads of the options; each contender has more of its own. */
export interface AppendOptions {
  readonly directory: string
  readonly sizeBytes: number
  readonly callers: number
  /** Messages in one call; the rate is of messages. 1 where absent. */
  readonly perCall?: number
}

export interface Appender {
  readonly info?: Contender['info']
  prepare?(): Promise<void>
  /** Resolves when the message is acknowledged. */
  append(payload: Buffer): Promise<unknown>
  /** Counts since it was opened, by name; a block tells how much they grew. */
  counts?(): Record<string, number>
  close(): Promise<void>
}

export function appending(options: AppendOptions, appender: Appender): Contender {
  const { callers, perCall = 1 } = options
  const next = payloads(options.sizeBytes)
  return {
    info: appender.info,
    prepare: async () => appender.prepare?.(),
    async block(ms) {
      const before = appender.counts?.() ?? {}
      const cpuBefore = process.cpuUsage()
      const { perSecond, count, ...latency } = await load(callers, ms, () => appender.append(next()))
      const cpu = process.cpuUsage(cpuBefore)
      const grown = Object.entries(appender.counts?.() ?? {}).map(([name, count]) => [name, count - before[name]])
      return {
        value: perSecond * perCall,
        detail: {
          ...latency,
          acknowledged: count * perCall,
          cpuUsPerMessage: (cpu.user + cpu.system) / (count * perCall),
          cpuCores: (cpu.user + cpu.system) / 1000 / ms,
          ...Object.fromEntries(grown),
        },
      }
    },
    close: () => appender.close(),
  }
}
