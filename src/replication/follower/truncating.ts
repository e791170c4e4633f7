/**
 * Takes off the ends of a replica's logs what its leader does not have. Where two logs part, their leader epochs say, never
 * their lengths: a log of the same length may hold other records. As Kafka does it (KIP-101, and KIP-279 for epochs that
 * one of both has never had): the leader is asked where the replica's last epoch ends in its log; where it does not have that epoch,
 * it names the one before that it has, and so on down.
 */

import type { MessageStore } from '../../storage/message-store.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { LogCut, LogPlace } from '../../storage/store-logs.js'
import type { EpochAnswer, EpochQuestion, ReplicaService } from '../contract.js'
import { logsOf } from '../logs.js'

/** What was taken off. */
export interface Truncated {
  readonly cuts: readonly LogCut[]
  /** They begin behind the place up to which they were the leader's: nothing that is left of them is. */
  readonly emptied: readonly LogPlace[]
}

/** @throws what the leader refuses, and {@link MessageStore.cutBack} */
export async function truncate(store: MessageStore, leader: ReplicaService, leaderEpoch: number): Promise<Truncated> {
  const logs = logsOf(store)
    .map(({ own }) => own)
    .filter(({ logEndOffset, logStartOffset }) => logEndOffset > logStartOffset)
  const cuts: LogCut[] = []
  const emptied: LogPlace[] = []
  let open = logs.map((log) => ({ log, epoch: log.leaderEpoch }))
  while (open.length > 0) {
    const questions: EpochQuestion[] = open.map(({ log, epoch }) => ({ ...placeOf(log), epoch }))
    const answers = await leader.endOfEpochs(leaderEpoch, questions)
    open = open.flatMap(({ log, epoch }, i) => {
      const next = compare(log, epoch, answers[i])
      if ('epoch' in next) return [{ log, epoch: next.epoch }]
      if (next.offset < log.logStartOffset) emptied.push(placeOf(log))
      else if (next.offset < log.logEndOffset) cuts.push({ ...placeOf(log), offset: next.offset })
      return []
    })
  }
  if (cuts.length > 0) await store.cutBack(cuts)
  if (emptied.length > 0) await store.emptyLogs(emptied)
  return { cuts, emptied }
}

/** Up to where the log and the leader's are the same, or the epoch to ask for next. */
function compare(
  log: PartitionLog,
  asked: number,
  { epoch, endOffset }: EpochAnswer,
): { readonly offset: number } | { readonly epoch: number } {
  // The leader begins behind all that is here, or has nothing.
  if (epoch < 0) return { offset: 0 }
  const here = log.endOffsetOfEpoch(epoch)
  if (here === undefined) return { offset: 0 }
  if (here.epoch === epoch) return { offset: Math.min(endOffset, here.endOffset) }
  return here.epoch < asked ? { epoch: here.epoch } : { offset: 0 }
}

function placeOf({ topic, partition }: PartitionLog) {
  return { topic, partition }
}
