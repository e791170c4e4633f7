/** lmdb: each put is acknowledged when its transaction is flushed; lmdb itself puts those of one turn together. */

import { join } from 'node:path'
import type { Contender, Options } from '../harness/contender.js'
import { type AppendOptions, appending } from './appending.js'
import { peerModule } from './peer-module.js'

interface Store {
  put(key: number, value: Buffer): Promise<boolean>
  close(): Promise<void>
}

interface Lmdb {
  open(options: Record<string, unknown>): Store
}

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as AppendOptions
  const { open } = await peerModule<Lmdb>('lmdb')
  const store = open({
    path: join(options.directory, 'messages.mdb'),
    encoding: 'binary',
    keyEncoding: 'uint32',
    compression: false,
    // A transaction is complete when it is on the disk, not before.
    overlappingSync: false,
    mapSize: 64 * 2 ** 30,
  })
  let key = 0
  return appending(options, {
    append: (payload) => store.put(key++, payload),
    close: () => store.close(),
  })
}
