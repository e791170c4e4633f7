/** Random numbers that a seed repeats (mulberry32). */

export interface Dice {
  /** In [0, 1). */
  next(): number
  /** A whole number in [from, to]. */
  between(from: number, to: number): number
}

export function dice(seed: number): Dice {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { next, between: (from, to) => from + Math.floor(next() * (to - from + 1)) }
}

/**
 * How far apart the steps lie that a test takes of very many; each run begins at another, HOLDFAST_TEST_STRIDE=1 takes
 * them all.
 */
export function strideFor(usual: number): number {
  return Number(process.env['HOLDFAST_TEST_STRIDE'] ?? usual)
}

/** From the environment, or a new one; printed by the tests that use it. */
export function seedFor(variable: string): number {
  const given = process.env[variable]
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}
