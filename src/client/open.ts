/** Opens a queue by its address: a folder of this machine, with the broker inside this process. */

import { fileURLToPath } from 'node:url'
import { Broker } from '../broker/broker.js'
import type { SettingsInput } from '../core/settings.js'
import { checkOptions, refuse } from './arguments.js'
import { shown } from './message.js'
import { type ClientOptions, clientOptionNames, Queue } from './queue.js'

export interface OpenOptions extends ClientOptions {
  /** By Kafka's names where Kafka has the thing, for example `{ 'flush.disk.type': 'ASYNC_FLUSH' }`. */
  readonly settings?: SettingsInput
  /** Gives up opening. Once the queue is open it has no effect. */
  readonly signal?: AbortSignal
}

/**
 * Opens the queue in a folder, creating it where it is missing, and recovering it where the last process was killed.
 * One process has it open at a time. Close it, or let `await using` do so.
 *
 *     await using mq = await open('./data')
 *
 * @param location a path, or a `file:` URL
 * @throws DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_DAMAGED, DATA_DIR_READ_ONLY, INVALID_SETTING, INVALID_ARGUMENT, or
 * the signal's reason
 */
export async function open(location: string | URL, options: OpenOptions = {}): Promise<Queue> {
  checkOptions('open', options, ['settings', 'signal', ...clientOptionNames])
  const path = pathOf(location)
  const { settings, signal, ...clientOptions } = options
  signal?.throwIfAborted()
  const broker = await Broker.open(path, { settings, logger: options.logger })
  try {
    signal?.throwIfAborted()
    return new Queue(broker, clientOptions)
  } catch (error) {
    await broker.close()
    throw error
  }
}

function pathOf(location: unknown): string {
  if (location instanceof URL) return pathOf(location.href)
  if (typeof location !== 'string' || location === '') {
    return refuse(`open: the location is ${location === '' ? 'empty' : shown(location)}; it must be a path.`)
  }
  // One letter in front of a colon is a drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(location)?.[1].toLowerCase()
  if (scheme === undefined) return location
  if (scheme === 'kafka') {
    return refuse(`open: ${location} is refused: a Kafka cluster cannot be opened yet; give a path or a file: URL.`)
  }
  if (scheme !== 'file') return refuse(`open: ${location} is refused: give a path or a file: URL.`)
  return location.startsWith('file:/') ? fileURLToPath(location) : location.slice('file:'.length)
}
