/** Reads as clients do: by fetches, batch after batch, leaving out what was aborted where only what is committed counts. */

import type { FetchedPartition, Isolation, TopicPartition } from '../../src/broker/contract.js'
import { AbortedFilter } from '../../src/client/aborted-filter.js'
import { HoldfastError } from '../../src/core/errors.js'
import { batchesIn } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import type { FoundRecord } from './partition-model.js'
import type { AskedBroker } from './scene.js'
import { holds } from './violation.js'

export interface Fetched extends FetchedPartition {
  /** From the offset that was asked for on. */
  readonly found: readonly FoundRecord[]
  readonly nextOffset: number
}

/** One fetch. @throws the error of the partition, CORRUPT_MESSAGE as a client that checks what it gets */
export async function fetchFrom(
  broker: AskedBroker,
  place: TopicPartition,
  offset: number,
  isolation: Isolation,
  maxBytes: number,
): Promise<Fetched> {
  const positions = [{ ...place, offset, maxBytes, currentLeaderEpoch: -1 }]
  const [fetched] = await broker.fetch({ positions, maxBytes, minBytes: 0, maxWaitMs: 0, isolation })
  if (fetched.error !== undefined) throw fetched.error
  const filter = new AbortedFilter(fetched.aborted ?? [])
  const found: FoundRecord[] = []
  let nextOffset = offset
  for (const batch of fetched.records.flatMap((bytes) => [...batchesIn(bytes)])) {
    if (!batch.crcMatches()) throw new HoldfastError('CORRUPT_MESSAGE', `${place.topic} serves a wrong CRC.`)
    holds(
      batch.nextOffset <= (isolation === 'committed' ? fetched.lastStableOffset : fetched.highWatermark),
      'nothing undecided is served',
      () => `${place.topic}-${place.partition} serves ${batch.lastOffset} below ${fetched.highWatermark}`,
    )
    nextOffset = batch.nextOffset
    if (filter.isAborted(batch)) continue
    const { isControl } = batch
    for (const record of readRecords(batch))
      if (record.offset >= offset) found.push({ offset: record.offset, isControl, record })
  }
  return { ...fetched, found, nextOffset }
}

export interface Whole {
  readonly found: readonly FoundRecord[]
  readonly start: number
  readonly end: number
}

/** All that can be read of a partition now. What is deleted from its front meanwhile is left out. */
export async function readWhole(broker: AskedBroker, place: TopicPartition, isolation: Isolation): Promise<Whole> {
  const first = await ends(broker, place)
  const found: FoundRecord[] = []
  let offset = first.start
  for (;;) {
    const end = isolation === 'committed' ? first.stable : first.end
    if (offset >= end) break
    const fetched = await fetchFrom(broker, place, offset, isolation, 20_000).catch(async (error: unknown) => {
      const begin = (await ends(broker, place)).start
      if (begin <= offset) throw error
      // It was deleted since it was looked at.
      return { found: [], nextOffset: begin }
    })
    holds(fetched.nextOffset > offset, 'what is visible can be read', () => `${place.topic}: nothing at ${offset}`)
    found.push(...fetched.found)
    offset = fetched.nextOffset
  }
  const { start } = await ends(broker, place)
  return { found: found.filter((one) => one.offset >= start), start, end: Math.max(first.end, offset) }
}

async function ends(
  broker: AskedBroker,
  place: TopicPartition,
): Promise<{ start: number; end: number; stable: number }> {
  const ask = async (query: 'earliest' | 'latest', isolation: Isolation): Promise<number> => {
    const [found] = await broker.findOffsets([{ ...place, query, currentLeaderEpoch: -1 }], isolation)
    if (found.error !== undefined) throw found.error
    return found.offset
  }
  return {
    start: await ask('earliest', 'uncommitted'),
    end: await ask('latest', 'uncommitted'),
    stable: await ask('latest', 'committed'),
  }
}
