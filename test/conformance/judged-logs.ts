/** A data directory as Kafka's own log finds it, beside what we find in it. Both work on copies. */

import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveSettings, type SettingsInput } from '../../src/core/settings.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { type DescribedBatch, describeLog } from './described.js'
import type { Judge } from './judge.js'

export interface FoundLog {
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly lastStableOffset: number
  readonly aborted: readonly Aborted[]
  readonly batches: readonly DescribedBatch[]
}

interface Aborted {
  readonly producerId: number
  readonly firstOffset: number
}

/** What Kafka's log says of itself once its LogLoader is done. */
export interface LoadedLog extends FoundLog {
  readonly producers: readonly { readonly producerId: number; readonly lastTimestamp: number }[]
  readonly epochs: readonly (readonly [epoch: number, startOffset: number])[]
  readonly segments: readonly number[]
}

export interface Opening {
  /** As after a close in order: indexes and snapshots are trusted. */
  readonly clean: boolean
  /** Otherwise the one in the checkpoint. */
  readonly recoveryPoint?: number
}

/** Opens a copy of `dataDir` with our own engine: by partition directory. */
export async function openOurs(dataDir: string, copy: string, settings: SettingsInput): Promise<Map<string, FoundLog>> {
  cpSync(dataDir, copy, { recursive: true })
  const store = await MessageStore.open(copy, { settings: resolveSettings(settings) })
  try {
    const found = new Map<string, FoundLog>()
    for (const { name, partitions } of store.topics()) {
      for (let partition = 0; partition < partitions; partition++) {
        const log = store.log(name, partition)
        assert.ok(log)
        assert.equal(log.failure, undefined, `${name}-${partition}: ${log.failure?.message}`)
        const { logStartOffset, logEndOffset, lastStableOffset } = log
        // As the judge is asked: also those behind a transaction that is still open.
        const aborted = log.abortedTransactions(logStartOffset, logEndOffset)
        const batches = await describeLog(log)
        found.set(`${name}-${partition}`, { logStartOffset, logEndOffset, lastStableOffset, aborted, batches })
      }
    }
    return found
  } finally {
    await store.close()
  }
}

/** Opens each of the partitions in a copy of `logPath` with Kafka's log. */
export async function openWithKafka(
  judge: Judge,
  logPath: string,
  copy: string,
  partitions: Iterable<string>,
  opening: Opening,
  config: Readonly<Record<string, string | number>>,
): Promise<Map<string, LoadedLog>> {
  cpSync(logPath, copy, { recursive: true })
  const found = new Map<string, LoadedLog>()
  for (const name of partitions) {
    found.set(name, await judge.ask<LoadedLog>('openLog', { directory: join(copy, name), config, ...opening }))
  }
  return found
}

/** Of the record that an ABORT marker is: version 0, type 0. */
const abortKey = Buffer.alloc(4).toString('base64')

/**
 * The aborted transactions that readers must know of. Where compaction has left nothing but the marker, an index that was
 * kept tells of it, and one that was rebuilt does not.
 */
function abortedOf({ aborted, batches }: FoundLog): object[] {
  const isThere = ({ producerId, firstOffset }: Aborted): boolean => {
    const own = batches.filter((batch) => batch.producerId === producerId && batch.lastOffset >= firstOffset)
    const marker = own.findIndex(({ isControl }) => isControl)
    // The marker goes after all that it has ended; what is found then is of a later transaction.
    const isItsMarker = own[marker]?.records[0]?.key === abortKey
    const next = aborted.find((other) => other.producerId === producerId && other.firstOffset > firstOffset)
    const end = next?.firstOffset ?? Number.POSITIVE_INFINITY
    return isItsMarker && own.slice(0, marker).some((batch) => batch.records.length > 0 && batch.baseOffset < end)
  }
  return aborted.filter(isThere).map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
}

/** The same start, the same end, and batch for batch the same records. */
export function assertSameLogs(
  kafkas: ReadonlyMap<string, FoundLog>,
  ours: ReadonlyMap<string, FoundLog>,
  how: string,
): void {
  assert.deepEqual([...kafkas.keys()].sort(), [...ours.keys()].sort())
  for (const [name, theirs] of kafkas) {
    const own = ours.get(name) as FoundLog
    assert.equal(theirs.logStartOffset, own.logStartOffset, `${how}: the start of ${name}`)
    assert.equal(theirs.logEndOffset, own.logEndOffset, `${how}: the end of ${name}`)
    assert.equal(theirs.lastStableOffset, own.lastStableOffset, `${how}: the last stable offset of ${name}`)
    assert.deepEqual(abortedOf(theirs), abortedOf(own), `${how}: the aborted transactions of ${name}`)
    for (const [i, batch] of theirs.batches.entries()) {
      assert.deepEqual(own.batches[i], batch, `${how}: batch ${i} of ${name}`)
    }
    assert.equal(own.batches.length, theirs.batches.length, `${how}: the number of batches in ${name}`)
  }
}

/**
 * The index files that Kafka's recovery wrote into `kafkas` are, byte for byte, those that lie in `ours`.
 * @returns how many files that were
 */
export function assertSameIndexes(kafkas: string, ours: string, partitions: Iterable<string>): number {
  let compared = 0
  for (const partition of partitions) {
    const all = readdirSync(join(ours, partition))
    // What was open where the log begins now, a rebuild from there cannot know; the index of transactions tells of it.
    const isWhole = all.includes('00000000000000000000.log')
    const names = all.filter((name) =>
      (isWhole ? /\.(?:index|timeindex|txnindex)$/ : /\.(?:index|timeindex)$/).test(name),
    )
    for (const name of names) {
      const [theirs, own] = [kafkas, ours].map((logPath) => readFileSync(join(logPath, partition, name)))
      assert.deepEqual(own, theirs, `${partition}/${name} is what Kafka makes of the log`)
      compared++
    }
  }
  return compared
}
