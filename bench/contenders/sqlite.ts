/** better-sqlite3: WAL, synchronous=FULL, one transaction for everyone who waits. Its calls block the event loop. */

import { join } from 'node:path'
import type { Contender, Options } from '../harness/contender.js'
import { type AppendOptions, appending } from './appending.js'
import { peerModule } from './peer-module.js'
import { Waiting } from './waiting.js'

interface Database {
  pragma(text: string): unknown
  exec(sql: string): void
  prepare(sql: string): { run(value: Buffer): unknown }
  transaction(work: (payloads: readonly Buffer[]) => void): (payloads: readonly Buffer[]) => void
  close(): void
}

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as AppendOptions
  const { default: Sqlite } = await peerModule<{ default: new (path: string) => Database }>('better-sqlite3')
  const database = new Sqlite(join(options.directory, 'messages.db'))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('CREATE TABLE messages (id INTEGER PRIMARY KEY, value BLOB)')
  const insert = database.prepare('INSERT INTO messages (value) VALUES (?)')
  const insertAll = database.transaction((payloads) => {
    for (const payload of payloads) insert.run(payload)
  })
  // A single statement is a transaction of its own, without the two statements around it.
  const waiting = new Waiting(
    (payloads) => void (payloads.length === 1 ? insert.run(payloads[0]) : insertAll(payloads)),
  )
  return appending(options, {
    append: (payload) => waiting.append(payload),
    counts: () => ({ rounds: waiting.groups }),
    close: async () => database.close(),
  })
}
