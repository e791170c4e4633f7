/** Whether as many replicas are in sync as acks=all needs: of what is produced, and of what the broker writes itself. */

import { HoldfastError } from '../core/errors.js'
import type { Settings } from '../core/settings.js'
import type { BrokerReplication } from './replication.js'

/** Asked before something is stored, and again when it is. */
export type TooFew = 'NOT_ENOUGH_REPLICAS' | 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'

/** @throws `code` */
export function assertEnough(
  replication: BrokerReplication | undefined,
  topic: string,
  settings: Settings,
  code: TooFew,
): void {
  if (replication === undefined || !replication.holdsBack) return
  const least = settings['min.insync.replicas']
  const { inSyncCount } = replication
  if (inSyncCount >= least) return
  throw new HoldfastError(code, `${inSyncCount} replicas are in sync, and min.insync.replicas of ${topic} is ${least}.`)
}
