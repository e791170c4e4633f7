/** One side of a mirror: a folder that nobody serves, or a broker across the wire. */

import type { BrokerService } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { damageText } from './recovery.js'
import { type SettingsOptions, settingsOf } from './settings-options.js'
import { connectAs } from './target.js'

const scheme = 'kafka://'
const address = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/\\]+):\d{1,5}(,|$)/

/** What is copied is to be found again as it was: neither side takes anything away meanwhile. */
const keepingEverything = {
  'log.cleaner.enable': 'false',
  'log.retention.check.interval.ms': '2147483647',
  'file.reserved.time': '1000000',
}

export interface SideOptions extends SettingsOptions {
  /** A folder that is not there is no mistake. */
  readonly mayBeNew: boolean
  /** TLS and SASL for brokers. */
  readonly commandConfig?: string
}

/** Whether it names brokers: HOST:PORT, several of them with commas, or with kafka:// in front. */
export function namesBrokers(side: string): boolean {
  return side.startsWith(scheme) || address.test(side)
}

/** @throws INVALID_ARGUMENT for a folder that is none of ours; CONNECTION_FAILED, DATA_DIR_LOCKED and the like */
export async function openSide(
  side: string,
  { mayBeNew, commandConfig, ...options }: SideOptions,
): Promise<BrokerService> {
  if (namesBrokers(side)) {
    return connectAs(side, commandConfig)
  }
  if (commandConfig !== undefined) {
    throw new HoldfastError('INVALID_ARGUMENT', `${commandConfig} is for a broker, and ${side} is a folder.`)
  }
  const { nodeDisk } = await import('../files/node-disk.js')
  if (!mayBeNew && (await nodeDisk.stat(`${side}/holdfast.json`)) === undefined) {
    throw new HoldfastError('INVALID_ARGUMENT', `${side} is no data directory: it has no holdfast.json.`)
  }
  const [{ Broker }, settings] = await Promise.all([
    import('../broker/broker.js'),
    settingsOf({ ...options, set: { ...keepingEverything, ...options.set } }),
  ])
  const broker = await Broker.open(side, { settings })
  process.stderr.write(damageText(broker.recovery))
  return broker
}
