/** One thing that a repair would do, or cannot do without being told more. */

import type { Clock } from '../../core/clock.js'
import type { Randomness } from '../../core/randomness.js'
import type { Disk } from '../../files/disk.js'
import type { Quarantine } from './quarantine.js'

/** What to do where messages are lost: end the log before them, or go on behind them. */
export type Choice = 'cut' | 'skip'

export interface RepairStep {
  /** `choose`: --cut or --skip has to be said. `manual`: only somebody who knows more can mend it. */
  readonly kind: 'do' | 'choose' | 'manual'
  readonly path: string
  readonly what: string
  /** Of a `do`. */
  readonly run?: () => Promise<void>
}

export interface RepairTools {
  readonly disk: Disk
  readonly clock: Clock
  readonly randomness: Randomness
  readonly quarantine: Quarantine
  readonly choice: Choice | undefined
}
