/** Where in a data directory the commit log lies, and beside it what is known of it that RocketMQ has no place for. */

import { join } from 'node:path'

/** `store-state/` in the data directory. */
export const storeState = { directory: 'store-state', snapshot: 'queues', aside: 'aside' } as const

/** RocketMQ's directory. */
export function storePathOf(dataPath: string): string {
  return join(dataPath, 'store')
}

/** What is known of the queues at one position. */
export function snapshotPathOf(dataPath: string): string {
  return join(dataPath, storeState.directory, storeState.snapshot)
}

/** Where files go that could not be used. */
export function asidePathOf(dataPath: string): string {
  return join(dataPath, storeState.directory, storeState.aside)
}
