/** The built package, as a user gets it: what is measured is `dist`, typed by the sources it was built from. */

import { join } from 'node:path'

const dist = new URL('../dist/', import.meta.url)

export async function loadLibrary(): Promise<typeof import('../src/index.js')> {
  return import(new URL('index.js', dist).href)
}

export async function loadBroker(): Promise<typeof import('../src/broker/index.js')> {
  return import(new URL('broker/index.js', dist).href)
}

export async function loadStorage(): Promise<typeof import('../src/storage/index.js')> {
  return import(new URL('storage/index.js', dist).href)
}

export async function loadSettings(): Promise<typeof import('../src/core/settings.js')> {
  return import(new URL('core/settings.js', dist).href)
}

/** Where the segments of a partition lie in a data directory. */
export function partitionPath(dataDir: string, topic: string, partition = 0): string {
  return join(dataDir, 'log', `${topic}-${partition}`)
}
