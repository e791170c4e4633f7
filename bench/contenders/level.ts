/** classic-level (LevelDB): one synced batch for everyone who waits. */

import { join } from 'node:path'
import type { Contender, Options } from '../harness/contender.js'
import { type AppendOptions, appending } from './appending.js'
import { peerModule } from './peer-module.js'
import { Waiting } from './waiting.js'

interface Put {
  readonly type: 'put'
  readonly key: Buffer
  readonly value: Buffer
}

interface Level {
  open(): Promise<void>
  batch(operations: readonly Put[], options: { readonly sync: boolean }): Promise<void>
  close(): Promise<void>
}

interface ClassicLevel {
  ClassicLevel: new (path: string, options: Record<string, unknown>) => Level
}

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as AppendOptions
  const { ClassicLevel } = await peerModule<ClassicLevel>('classic-level')
  const level = new ClassicLevel(join(options.directory, 'level'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
  })
  await level.open()
  let next = 0
  const put = (value: Buffer): Put => {
    const key = Buffer.allocUnsafe(8)
    key.writeBigUInt64BE(BigInt(next++))
    return { type: 'put', key, value }
  }
  const waiting = new Waiting((payloads) => level.batch(payloads.map(put), { sync: true }))
  return appending(options, {
    append: (payload) => waiting.append(payload),
    counts: () => ({ rounds: waiting.groups }),
    close: () => level.close(),
  })
}
