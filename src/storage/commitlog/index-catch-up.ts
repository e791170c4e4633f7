/**
 * Takes the key index up again after a write of it failed: its files are opened anew, and what it missed is read from the
 * commit log, while messages go on being published.
 */

import type { OpenFiles } from '../../files/open-files.js'
import { dispatchOf, type MessageDispatch } from './dispatching.js'
import type { FileSequence } from './file-sequence.js'
import type { MessageIndex } from './message-index.js'
import { scanMessages, soundMessages } from './scanning.js'

export interface CatchUpOptions {
  readonly index: MessageIndex
  readonly files: FileSequence
  readonly openFiles: OpenFiles
  /** Messages of a queue before this position are not its own. */
  sinceOf(topic: string, queueId: number): number
  /** Readers see what lies below. */
  publishedPosition(): number
}

/** @throws what kept the index from it; the next call tries again */
export async function catchUp({ index, files, openFiles, sinceOf, publishedPosition }: CatchUpOptions): Promise<void> {
  const nextSound = async (from: number, to: number): Promise<number | undefined> => {
    for await (const message of soundMessages({ files, openFiles }, from + 1, to)) return message.position
    return undefined
  }
  const isDue = ({ isIndexed, position: at, topic, queueId }: MessageDispatch) =>
    isIndexed && at >= sinceOf(topic, queueId)
  let position = Math.max(await index.reopen(), files.first ?? 0)
  while (position < publishedPosition()) {
    const end = await scanMessages(
      { files, openFiles },
      position,
      (view) => {
        const dispatch = dispatchOf(view)
        return isDue(dispatch) ? index.putAgain(dispatch) : undefined
      },
      publishedPosition(),
    )
    // What is damaged there is told to its readers; the index does without it.
    const next = end.position > position ? end.position : await nextSound(position, publishedPosition())
    if (next === undefined) break
    position = next
  }
  // In the same turn as the last look: nothing was published since.
  index.caughtUp()
}
