/** The library's `sendMany`: one call, one promise, many messages. */

import type { SettingsInput } from '../../src/core/settings.js'
import { load } from '../callers.js'
import type { Contender, Options } from '../harness/contender.js'
import { loadLibrary } from '../holdfast.js'
import { payloads } from '../payloads.js'
import type { AppendOptions } from './appending.js'

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as AppendOptions & { readonly settings?: SettingsInput }
  const { callers, perCall = 1000, sizeBytes } = options
  const { open } = await loadLibrary()
  const mq = await open(options.directory, { settings: options.settings })
  await mq.topics.create('bench', { partitions: 1 })
  const next = payloads(sizeBytes)
  return {
    async block(ms) {
      const { perSecond, count, ...latency } = await load(callers, ms, () =>
        mq.sendMany(
          'bench',
          Array.from({ length: perCall }, () => ({ value: next() })),
        ),
      )
      return { value: perSecond * perCall, detail: { ...latency, acknowledged: count * perCall } }
    },
    close: () => mq.close(),
  }
}
