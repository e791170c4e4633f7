/**
 * A program that embeds the library, with libc's calls in the hands of the shim: lives the lives that its parent asks for,
 * one after another, and tells what it was promised in each.
 */

import { readdirSync, readlinkSync } from 'node:fs'
import { Broker } from '../../src/broker/broker.js'
import { Queue } from '../../src/client/queue.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { resolveSettings } from '../../src/core/settings.js'
import type { History } from '../power/history.js'
import { type Lived, liveOnce } from './session.js'
import { type Fault, FaultPage } from './shim.js'
import { swallowing } from './swallowing.js'

export interface LifeToLive {
  readonly dataDir: string
  readonly settings: SettingsInput
  readonly history: History
  readonly fault?: Fault
  readonly isFirst?: boolean
  /** Otherwise it is left as it is, for whoever kills the program. */
  readonly closes: boolean
  /** The control: refusals are told as successes. */
  readonly swallows?: boolean
}

const page = new FaultPage(String(process.env['FAULT_PAGE']))

process.on('message', async (life: LifeToLive) => {
  const lived = await liveOnce({
    ...life,
    page,
    open: async () => {
      const service = await Broker.open(life.dataDir, { settings: resolveSettings(life.settings) })
      return { service, queue: new Queue(life.swallows ? swallowing(service) : service) }
    },
    close: life.closes ? ({ queue }) => queue.close() : undefined,
  })
  const left = life.closes ? descriptorsBelow(life.dataDir) : []
  const complaints = left.map((path) => `it is closed, and ${path} is still open`)
  process.send?.({ ...lived, complaints: [...lived.complaints, ...complaints] } satisfies Lived)
})
process.send?.('ready')

function descriptorsBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((number) => {
      try {
        return readlinkSync(`/proc/self/fd/${number}`)
      } catch {
        // The descriptor that the listing itself had.
        return ''
      }
    })
    .filter((path) => path.startsWith(`${folder}/`))
}
