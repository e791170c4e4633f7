/** A life in which the calls that fail are those of `holdfast serve`, and whoever uses it is a client of it. */

import { Queue } from '../../src/client/queue.js'
import { HoldfastError } from '../../src/core/errors.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import type { History } from '../power/history.js'
import { type ServedBroker, serve } from '../support/served-broker.js'
import { type Lived, liveOnce } from './session.js'
import type { Fault, FaultPage } from './shim.js'

export interface ServedLife {
  readonly dataDir: string
  readonly settings: SettingsInput
  readonly history: History
  readonly fault?: Fault
  readonly closes: boolean
  readonly page: FaultPage
  readonly env: NodeJS.ProcessEnv
}

export async function serveOnce({ dataDir, settings, closes, env, ...life }: ServedLife): Promise<Lived> {
  const complaints: string[] = []
  let broker: ServedBroker | undefined
  const options = { settings: settings as Readonly<Record<string, string | number>>, env }
  const lived = await liveOnce({
    ...life,
    open: async () => {
      broker = await serve(dataDir, options).catch((error) => {
        throw refusalToStart(String(error))
      })
      const service = await RemoteBroker.connect(broker.address)
      return { service, queue: new Queue(service) }
    },
    close: async ({ queue }) => {
      if (!broker?.isRunning()) complaints.push(`the broker ended by itself: ${broker?.stderr()}`)
      await queue.close()
      const code = await broker?.end(closes ? 'SIGTERM' : 'SIGKILL')
      if (!closes || code === 0) return
      const said = broker?.stderr() ?? ''
      if (code !== 1 || !saysWhy(said)) complaints.push(`the broker stopped with ${code}: ${said}`)
    },
  })
  await broker?.end('SIGKILL')
  return { ...lived, complaints: [...lived.complaints, ...complaints] }
}

/** A broker that does not start says why, with a code, and ends with 1. */
function refusalToStart(said: string): Error {
  return saysWhy(said) && said.includes('ended with 1 ') ? new HoldfastError('DISK_FAILED', said) : new Error(said)
}

/** A code of ours is said, and none that stands for what was not foreseen. */
function saysWhy(said: string): boolean {
  return /\b[A-Z]+(_[A-Z]+)+\b/.test(said) && !said.includes('UNKNOWN_SERVER_ERROR')
}
