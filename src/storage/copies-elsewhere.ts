/** What a store asks where other stores hold copies of its logs. */

import type { ShownLimit } from './log/held-back-log.js'

export interface CopiesElsewhere {
  /** Readers see, and senders are told of, what lies below this limit of a log, and no more. */
  readonly shownUpTo: ShownLimit
  /** Another store leads, and says what of the logs is given up. */
  readonly isCopy: boolean
  /** With which a new log begins; 0 where its batches come with theirs. */
  readonly epochOfNewLogs: number
  /** A change of the topics is done when this resolves, and the others have taken it over. */
  topicsChanged(): Promise<void>
}
