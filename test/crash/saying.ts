/** What a program that is killed has said lies in the pipe, whatever becomes of it. */

import { writeSync } from 'node:fs'

/** The pipe is full while nobody reads it. */
export function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}
