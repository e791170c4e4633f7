/** That the messages of each batch of ours lie one behind the other, from the first to the last. */

import type { MessageDispatch } from '../../commitlog/dispatching.js'

interface OpenBatch {
  readonly topic: string
  readonly queueId: number
  /** Where its first message begins. */
  readonly position: number
  readonly count: number
  next: number
  nextPosition: number
  nextOffset: number
}

/** A batch of which messages are missing. */
export interface PartialBatch {
  readonly position: number
  readonly what: string
}

export class BatchCheck {
  #open: OpenBatch | undefined
  /** Behind damage nobody knows what the first messages belonged to. */
  #isLost = false

  /** Where the batch begins whose end was not seen; undefined where there is none. */
  get openPosition(): number | undefined {
    return this.#open?.position
  }

  /** Bytes are lost. */
  lose(): void {
    this.#open = undefined
    this.#isLost = true
  }

  /** The next message of the log; tells of a batch that is not whole. */
  take(dispatch: MessageDispatch): PartialBatch | undefined {
    const { index, recordsCount } = dispatch.own
    const open = this.#open
    if (open === undefined) {
      if (index === 0) return this.#begin(dispatch, recordsCount)
      const { position } = dispatch
      return this.#isLost
        ? undefined
        : { position, what: `Message ${index + 1} of ${recordsCount} of a batch begins it` }
    }
    if (goesOn(open, dispatch)) {
      open.next++
      open.nextPosition += dispatch.sizeInBytes
      open.nextOffset++
      if (open.next === open.count) this.#open = undefined
      return undefined
    }
    this.#open = undefined
    const what = `Of a batch of ${open.count} messages of queue ${open.topic}/${open.queueId} only ${open.next} are there`
    if (index === 0) this.#begin(dispatch, recordsCount)
    else this.#isLost = true
    return { position: open.position, what }
  }

  #begin({ topic, queueId, position, sizeInBytes, queueOffset }: MessageDispatch, count: number): undefined {
    this.#isLost = false
    if (count === 1) return
    const nextPosition = position + sizeInBytes
    this.#open = { topic, queueId, position, count, next: 1, nextPosition, nextOffset: queueOffset + 1 }
  }
}

function goesOn(open: OpenBatch, dispatch: MessageDispatch): boolean {
  return (
    dispatch.own.index === open.next &&
    dispatch.own.recordsCount === open.count &&
    dispatch.position === open.nextPosition &&
    dispatch.queueOffset === open.nextOffset &&
    dispatch.queueId === open.queueId &&
    dispatch.topic === open.topic
  )
}
