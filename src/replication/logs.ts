/** All logs of a store of which other nodes hold copies. */

import type { HeldBackLog } from '../storage/log/held-back-log.js'
import type { MessageStore } from '../storage/message-store.js'

export function logsOf(store: MessageStore): HeldBackLog[] {
  return store
    .topics()
    .flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => store.heldBack(name, partition)).filter(
        (log) => log !== undefined,
      ),
    )
}
