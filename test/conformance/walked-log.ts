/** A commit log as our reader walks it: every message in order, and where it ends. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { positionOfFileName, storeNames } from '../../src/storage/commitlog/format.js'
import { type MessageView, readMessage } from '../../src/storage/commitlog/message.js'

export interface WalkedLog {
  readonly messages: readonly MessageView[]
  /** Behind the last. */
  readonly end: number
  readonly blanks: number
}

/** @throws Error at anything that is neither message nor blank nor the end */
export function walkCommitLog(storePath: string): WalkedLog {
  const directory = join(storePath, storeNames.commitLog)
  const messages: MessageView[] = []
  let end = 0
  let blanks = 0
  for (const name of readdirSync(directory).sort()) {
    const start = positionOfFileName(name)
    if (start === undefined) throw new Error(`There is ${name} in the commit log`)
    const bytes = readFileSync(join(directory, name))
    for (let at = 0; at < bytes.length; ) {
      const read = readMessage(bytes, at, bytes.length - at, start + at)
      if (read.kind === 'fault') throw new Error(`At position ${start + at}: it ${read.reason}`)
      if (read.kind === 'end') break
      if (read.kind === 'blank') {
        blanks++
        at += read.sizeInBytes
      } else {
        messages.push(read)
        at = read.end
        end = start + at
      }
    }
  }
  return { messages, end, blanks }
}
