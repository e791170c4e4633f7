/**
 * Tells the end of a commit log from damage. Behind the end lies at most what a write left that was interrupted, which is
 * cut; behind damage lie messages that somebody was told are safe, so of it nothing is cut and nothing is appended.
 */

import type { OpenFiles } from '../../files/open-files.js'
import { roundMaxBytes } from '../../flush/group-commit.js'
import { ownPropertyOf } from './dispatching.js'
import type { FileSequence } from './file-sequence.js'
import { soundMessages } from './scanning.js'

export interface EndOptions {
  readonly files: FileSequence
  readonly openFiles: OpenFiles
  /** A round is durable before the next one is written, so that a hole between two of them is damage. */
  readonly inOrder: boolean
  /** Everything below was on stable storage, as our snapshot says; 0 where nothing says so. */
  readonly durableTo: number
  /** Where that snapshot lies. */
  readonly snapshotPath: string
  /** Behind the last message that the queues of a store lead to which was closed in order, where no snapshot says more; else 0. */
  readonly queuesLeadTo: number
}

/** Beyond what an interrupted write may have left it is looked so far for messages. */
const searchedBytes = 64 * 1024 * 1024

/**
 * Why `end`, where the first thing lies that is no message, is not the end; undefined where it is.
 * @param fault what is wrong with what lies there; undefined where nothing was written
 */
export async function damageAt(
  end: number,
  fault: string | undefined,
  options: EndOptions,
): Promise<string | undefined> {
  const { files, durableTo, queuesLeadTo, snapshotPath } = options
  const { directory } = files
  const hole = files.findings.holes.at(0)
  if (hole !== undefined) {
    return `${directory} has no file for the positions ${hole.from} to ${hole.to}. Put what is missing back and restart, or end the log before it: repair --cut`
  }
  const what = fault === undefined ? 'nothing is there' : `what is there ${fault}`
  const where = `${directory} is damaged at position ${end}: ${what}`
  if (end < durableTo) {
    return `${where}, and messages were durable up to ${durableTo}. Put what is missing back and restart, or end the log there: repair --cut; if this is an older copy of the store, remove ${snapshotPath} first`
  }
  if (end < queuesLeadTo) {
    return `${where}, and its queues lead to messages up to ${queuesLeadTo}, though it was closed in order. Put what is missing back and restart, or end the log there: repair --cut`
  }
  return (await goesOn(end, options))
    ? `${where}, and messages follow behind it. Put a good copy back and restart, or end the log there: repair --cut`
    : undefined
}

/** Whether sound messages lie behind `end` that were not written together with what lies there. */
async function goesOn(end: number, options: EndOptions): Promise<boolean> {
  const { files, inOrder } = options
  // A file is durable before the next one is written, whatever the policy.
  const nextFile = files.startFor(end) + files.fileBytes
  for await (const _ of soundMessages(options, nextFile, Math.min(files.end, nextFile + searchedBytes))) return true
  if (!inOrder) return false
  // In one file a round is no longer than this, unless it is one batch that is.
  const from = end + roundMaxBytes
  let batch: string | undefined
  for await (const message of soundMessages(options, from, Math.min(nextFile, from + searchedBytes))) {
    const { index } = ownPropertyOf(message)
    const found = `${message.queueId} ${message.queueOffset - index} ${message.topic}`
    if (index === 0 || (batch !== undefined && batch !== found)) return true
    batch = found
  }
  return false
}
