/** The short form of the flush policy: `{ flush: 'sync' | 'batch' | 'async' }` for a store and for a topic. */

import type { Settings } from '../core/settings.js'
import { refuse } from './arguments.js'
import { shown } from './message.js'

/** `sync` and `batch` acknowledge what is on the disk, `async` what is in the page cache. */
export type Flush = 'sync' | 'batch' | 'async'

const flushTypes: Readonly<Record<Flush, Settings['flush.disk.type']>> = {
  sync: 'SYNC_FLUSH',
  batch: 'BATCH_FLUSH',
  async: 'ASYNC_FLUSH',
}

/**
 * The settings with the short form written out; for a topic it is the same name.
 * @throws INVALID_ARGUMENT for another word, or where the settings say something else
 */
export function withFlush<S extends Readonly<Record<string, unknown>>>(call: string, flush: unknown, settings: S): S {
  if (flush === undefined) return settings
  if (typeof flush !== 'string' || !Object.hasOwn(flushTypes, flush)) {
    return refuse(`${call}: flush is ${shown(flush)}; it must be one of ${Object.keys(flushTypes).join(', ')}.`)
  }
  return {
    ...settings,
    ...agreeing(call, 'flush.disk.type', flushTypes[flush as Flush], settings, `flush: '${flush}'`),
  }
}

/**
 * The setting that a short form stands for.
 * @throws INVALID_ARGUMENT where the settings say something else
 */
export function agreeing(
  call: string,
  name: string,
  value: unknown,
  settings: Readonly<Record<string, unknown>>,
  shownAs: string,
): Record<string, unknown> {
  const other = settings[name]
  if (other === undefined || other === value) return { [name]: value }
  const text = typeof other === 'string' ? other : shown(other)
  return refuse(`${call}: ${shownAs} and ${name} = ${text} contradict each other; give one of them.`)
}
