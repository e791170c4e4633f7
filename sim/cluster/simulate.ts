/** Runs the world of several nodes of one seed and says what came of it. */

import type { Outcome } from '../simulate.js'
import { observed } from '../simulate.js'
import { type ClusterNarrowing, clusterPlanOf } from './plan.js'
import { ClusterWorld } from './world.js'

export function simulateCluster(
  seed: number,
  narrowing: ClusterNarrowing = {},
  options: { readonly log?: boolean } = {},
): Promise<Outcome> {
  return observed(seed, new ClusterWorld(clusterPlanOf(seed, narrowing), options))
}
