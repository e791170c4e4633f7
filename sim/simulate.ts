/** Runs the world of one seed and says what came of it. */

import { prepareCodec } from '../src/records/compression/index.js'
import { type Narrowing, planOf } from './plan.js'
import { Violation } from './world/violation.js'
import { type Tally, World } from './world/world.js'

export interface Outcome extends Tally {
  readonly seed: number
  readonly violation?: { readonly rule: string; readonly message: string }
}

/** Before the first one. */
export async function prepare(): Promise<void> {
  await prepareCodec('zstd')
  await prepareCodec('lz4')
  await prepareCodec('snappy')
}

export function simulate(seed: number, narrowing: Narrowing = {}): Promise<Outcome> {
  return observed(seed, new World(planOf(seed, narrowing)))
}

/** What comes of a world that runs, also of what it does beside. */
export async function observed(seed: number, world: { run(): Promise<void>; readonly tally: Tally }): Promise<Outcome> {
  let escaped: (error: unknown) => void = () => {}
  const escaping = new Promise<never>((_, reject) => {
    escaped = (error) => reject(new Violation('no error escapes', (error as Error)?.stack ?? String(error)))
  })
  process.on('unhandledRejection', escaped)
  process.on('uncaughtException', escaped)
  try {
    await Promise.race([world.run(), escaping])
    return { seed, ...world.tally }
  } catch (error) {
    if (error instanceof Violation)
      return { seed, ...world.tally, violation: { rule: error.rule, message: error.message } }
    return { seed, ...world.tally, violation: { rule: 'the simulator works', message: (error as Error).stack ?? '' } }
  } finally {
    process.off('unhandledRejection', escaped)
    process.off('uncaughtException', escaped)
  }
}
