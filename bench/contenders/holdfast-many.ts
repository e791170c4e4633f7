/** The library's `sendMany`: one call, one promise, many messages. */

import type { SettingsInput } from '../../src/core/settings.js'
import { load } from '../callers.js'
import type { Contender, Options } from '../harness/contender.js'
import { loadLibrary } from '../holdfast.js'
import { lookedAt, type MeasuringOptions } from '../measuring.js'
import { payloads } from '../payloads.js'
import type { AppendOptions } from './appending.js'

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as AppendOptions & MeasuringOptions & { readonly settings?: SettingsInput }
  const { callers, perCall = 1000, sizeBytes } = options
  const { open } = await loadLibrary()
  const mq = lookedAt(await open(options.directory, { settings: options.settings, metrics: options.metrics }))
  await mq.topics.create('bench', { partitions: 1 })
  const next = payloads(sizeBytes)
  return {
    async block(ms) {
      const cpuBefore = process.cpuUsage()
      const { perSecond, count, ...latency } = await load(callers, ms, () =>
        mq.sendMany(
          'bench',
          Array.from({ length: perCall }, () => ({ value: next() })),
        ),
      )
      const { user, system } = process.cpuUsage(cpuBefore)
      const acknowledged = count * perCall
      const cpuUsPerMessage = (user + system) / acknowledged
      return { value: perSecond * perCall, detail: { ...latency, acknowledged, cpuUsPerMessage } }
    },
    close: () => mq.close(),
  }
}
