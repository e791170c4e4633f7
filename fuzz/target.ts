/** What is fuzzed: one decoder of bytes from outside, with what it may throw, what it starts from, and how its checksums are set right. */

import { HoldfastError } from '../src/core/errors.js'

export interface Target {
  readonly name: string
  /** Runs the decoder, and throws an error of any other kind than it documents where a rule is broken. It keeps nothing of `bytes`. */
  run(bytes: Buffer): Promise<void> | undefined | void
  readonly seeds: readonly Buffer[]
  /** Pieces that random bytes would hardly hit on. */
  readonly words?: readonly string[]
  /** Sets lengths and checksums right in place, so that a changed input is looked at and not turned away at the door. */
  fix?(bytes: Buffer): void
  /** The files whose coverage leads, as a part of their path. */
  readonly files: readonly string[]
  /** What may be thrown; a HoldfastError where nothing else is said. */
  allows?(error: unknown): boolean
  /** Waits for what the decoder needs before its first input. */
  prepare?(): Promise<void> | undefined
  readonly longest?: number
  /** An input takes milliseconds, not microseconds. */
  readonly isSlow?: boolean
}

/** A rule that an input broke. */
export class Broken extends Error {}

/** What `target` throws for `bytes` against its rules; undefined where all is well. A decoder may set fields right in `bytes`. */
export function judge(target: Target, bytes: Buffer): Error | undefined | Promise<Error | undefined> {
  try {
    const running = target.run(bytes)
    if (running === undefined) return undefined
    return running.then(
      () => undefined,
      (error: unknown) => againstTheRules(target, error),
    )
  } catch (error) {
    return againstTheRules(target, error)
  }
}

function againstTheRules(target: Target, error: unknown): Error | undefined {
  if (!(error instanceof Error)) return new Broken(`it throws ${String(error)}, which is no error`)
  if (error instanceof Broken) return error
  return (target.allows?.(error) ?? isAnswer(error)) ? undefined : error
}

/** An error of the table, but for the one that hides an error which nobody foresaw. */
function isAnswer(error: Error): boolean {
  return error instanceof HoldfastError && error.code !== 'UNKNOWN_SERVER_ERROR'
}
