/** Makes a failure small: takes away whatever it does not need, as long as the same rule is broken. */

import { actorKinds, faultKinds, type Narrowing } from './plan.js'
import { type Outcome, simulate } from './simulate.js'

const parts = ['crashes while it recovers', ...faultKinds, ...actorKinds] as const

export interface Shrunk {
  readonly outcome: Outcome
  readonly narrowing: Narrowing
}

export async function shrink(found: Outcome, from: Narrowing): Promise<Shrunk> {
  let best: Shrunk = { outcome: found, narrowing: from }
  const attempt = async (narrowing: Narrowing): Promise<boolean> => {
    const outcome = await simulate(found.seed, narrowing)
    if (outcome.violation?.rule !== found.violation?.rule) return false
    best = { outcome, narrowing }
    return true
  }
  for (const part of parts) await attempt({ ...best.narrowing, without: [...(best.narrowing.without ?? []), part] })
  for (let lives = 1; lives < 8; lives++) if (await attempt({ ...best.narrowing, lives })) break
  for (let events = 1000; events > 5; events = Math.floor(events / 1.5))
    if (!(await attempt({ ...best.narrowing, events }))) break
  return best
}
