/** Writes down what clients do and see, under stamps of one counter. */

import type { Operation } from './history.js'

export class Recorder {
  readonly operations: Operation[] = []
  #stamp = 0

  stamp(): number {
    return ++this.#stamp
  }

  add(operation: Operation): void {
    this.operations.push(operation)
  }
}

/** What a client works with until it is told to stop. */
export interface Life {
  /** Of one broker, or of several with commas between. */
  readonly address: string
  readonly topic: string
  readonly partitions: number
  readonly recorder: Recorder
  /** Of each producer; 1 where absent. */
  readonly betweenSendsMs?: number
  /** Takes what is worth telling of a client. */
  note?(text: string): void
  running: boolean
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
