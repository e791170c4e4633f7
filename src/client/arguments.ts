/** Checks of what callers pass in: a slip is refused at once, by name, instead of being ignored. */

import { HoldfastError } from '../core/errors.js'
import { shown } from './message.js'

export function refuse(message: string): never {
  throw new HoldfastError('INVALID_ARGUMENT', message)
}

/** That `options` is an object (or absent) with no other keys than `known`. */
export function checkOptions(call: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null) {
    refuse(`${call}: the options are ${shown(options)}; they must be an object.`)
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) refuse(`${call}: there is no option ${name}; there are ${known.join(', ')}.`)
  }
  const { signal } = options as { signal?: unknown }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    refuse(`${call}: signal is ${shown(signal)}; it must be an AbortSignal.`)
  }
}

export function checkName(call: string, what: string, name: unknown): string {
  if (typeof name === 'string' && name !== '') return name
  return refuse(`${call}: the ${what} is ${name === '' ? 'empty' : shown(name)}; it must be a text.`)
}

/** The whole number in [min, max], or the default where it is absent. */
export function wholeNumber(
  call: string,
  name: string,
  value: unknown,
  { fallback, min = 0, max = Number.MAX_SAFE_INTEGER }: { fallback: number; min?: number; max?: number },
): number {
  if (value === undefined) return fallback
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
  return refuse(`${call}: ${name} is ${shown(value)}; it must be a whole number from ${min} to ${max}.`)
}
