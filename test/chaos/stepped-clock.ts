/** A wall clock of its own for one program, which can be moved while it runs. */

import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const source = join(import.meta.dirname, 'stepped-clock.c')

/** Builds the library; undefined where that cannot be done here. */
export function buildSteppedClock(directory: string): string | undefined {
  const library = join(directory, 'stepped-clock.so')
  const { status } = spawnSync('gcc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl'])
  return status === 0 ? library : undefined
}

export class SteppedClock {
  readonly #file: string
  /** What the program has to be started with. */
  readonly env: Readonly<Record<string, string>>

  constructor(library: string, file: string) {
    this.#file = file
    this.env = { LD_PRELOAD: library, CHAOS_CLOCK: file }
    this.set(0)
  }

  /** How far its wall clock is ahead, from now on. */
  set(aheadMs: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(aheadMs))
    // In place, since the program has the file mapped.
    const file = openSync(this.#file, constants.O_WRONLY | constants.O_CREAT)
    writeSync(file, bytes, 0, bytes.length, 0)
    closeSync(file)
  }
}
