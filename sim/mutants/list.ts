/**
 * Deliberate bugs: each is one small change of the engine that breaks one promise, as somebody could make it by mistake. Data
 * only; `run.ts` beside it puts them into a copy of the sources, one at a time, and lets the simulator look for them.
 */

import { replicationMutants } from './replication.js'

export interface Change {
  /** Below `src/`. */
  readonly file: string
  /** Occurs in the file exactly once. */
  readonly find: string
  readonly replace: string
}

export interface Mutant extends Change {
  readonly name: string
  /** The promise that it breaks. */
  readonly breaks: string
  /** In whose worlds it is looked for: of one node where absent, or of several that copy one another. */
  readonly world?: 'cluster'
  /** A second guard that would stand in for the first, and goes with it. */
  readonly also?: readonly Change[]
}

/** When an acknowledgement comes, and what it stands on. */
const acknowledging: readonly Mutant[] = [
  {
    name: 'dsync-forgotten',
    file: 'files/active-file.ts',
    find: "return { mode: 'write', dsync, mapped: engine === 'mmap',",
    replace: "return { mode: 'write', dsync: dsync && false, mapped: engine === 'mmap',",
    breaks: 'what is acknowledged as it was written with O_DSYNC survives the loss of power',
  },
  {
    name: 'sync-skipped',
    file: 'storage/segments/log-writer.ts',
    find: 'if (durable || (!place.dsync && place.writers.isCrowded)) await this.sync()',
    replace: 'if (!place.dsync && place.writers.isCrowded) await this.sync()',
    breaks: 'what SYNC_FLUSH and BATCH_FLUSH acknowledge survives the loss of power',
  },
  {
    name: 'sync-before-write',
    file: 'flush/group-commit.ts',
    find: 'await this.#target.writeRound(items, durable)',
    replace: 'if (durable) await this.#target.sync()\n        await this.#target.writeRound(items, false)',
    breaks: 'the sync that an acknowledgement waits for covers its own round',
  },
  {
    name: 'acknowledged-before-written',
    file: 'flush/group-commit.ts',
    find: 'await this.#target.writeRound(items, durable)',
    replace: 'for (const { resolve } of this.#round) resolve()\n        await this.#target.writeRound(items, durable)',
    breaks: 'nothing is acknowledged before its write has returned',
  },
  {
    name: 'async-acknowledged-before-written',
    file: 'flush/group-commit.ts',
    find: 'await this.#target.writeRound(items, durable)',
    replace:
      'if (!durable) for (const { resolve } of this.#round) resolve()\n        await this.#target.writeRound(items, durable)',
    breaks: 'what ASYNC_FLUSH acknowledges survives the death of the process',
  },
  {
    name: 'shown-before-durable',
    file: 'storage/segments/log-writer.ts',
    find: 'if (durable || (!place.dsync && place.writers.isCrowded)) await this.sync()',
    replace:
      'for (const segment of touched) segment.publish()\n    this.#highWatermark = this.#writtenOffset\n    if (durable) await this.sync()',
    breaks: 'readers see nothing that the loss of power could take back',
  },
  {
    name: 'rolled-over-unsynced',
    file: 'storage/segments/log-writer.ts',
    find: "if (this.#options.policy.acknowledgeAfter === 'sync' && this.#unsynced.has(sealed)) await this.#syncSegment(sealed)",
    replace: '',
    breaks: 'a segment is durable before the next one begins',
  },
  {
    name: 'commit-log-sync-skipped',
    file: 'storage/commitlog/commit-log-writer.ts',
    find: 'if (durable && !this.#options.place.dsync) await this.sync()',
    replace: '',
    breaks: 'what the commit log acknowledges under SYNC_FLUSH survives the loss of power',
  },
  {
    name: 'commit-log-file-left-unsynced',
    file: 'storage/commitlog/commit-log-writer.ts',
    find: 'if (!this.#options.place.dsync) await this.sync()\n    const ended',
    replace: 'const ended',
    breaks: 'a file of the commit log is durable before the next one is written',
  },
]

/** Names in directories. */
const naming: readonly Mutant[] = [
  {
    name: 'new-segment-without-name',
    file: 'storage/segments/segment.ts',
    find: 'await disk.syncDirectory(directory)',
    replace: '',
    breaks: 'the name of a segment is durable before anything in it is acknowledged',
  },
  {
    name: 'next-segment-without-name',
    file: 'storage/segments/next-segment.ts',
    find: 'await place.disk.syncDirectory(place.directory)',
    replace: '',
    breaks: 'the name of a segment that was prepared ahead is durable before anything in it is acknowledged',
  },
  {
    name: 'commit-log-file-without-name',
    file: 'storage/commitlog/file-sequence.ts',
    find: 'begin().then(() => this.#disk.syncDirectory(this.directory))',
    replace: 'begin()',
    breaks: 'the name of a commit log file is durable before anything in it is acknowledged',
  },
  {
    name: 'names-of-the-dead-not-synced',
    file: 'storage/segments/loader.ts',
    find: 'if (!this.#request.clean) await disk.syncDirectory(directory)',
    replace: '',
    breaks: 'names that a killed process made are durable before they are built upon',
  },
  {
    name: 'deletion-not-marked',
    file: 'storage/store-topics.ts',
    find: 'await this.#options.catalog.put({ ...topic, deleting: true })',
    replace: '',
    breaks: 'a topic is there as a whole or not at all',
  },
  {
    name: 'catalog-written-later',
    file: 'storage/topic-catalog.ts',
    find: 'await this.#disk.replaceFile(this.#path, encodeCatalog(topics.values()))',
    replace: 'void this.#disk.replaceFile(this.#path, encodeCatalog(topics.values()))',
    breaks: 'a topic that was made or deleted stays so',
  },
  {
    name: 'deleted-records-not-noted',
    file: 'storage/segments/segment-log.ts',
    find: 'await this.#options.onStartMoved?.().catch((error: unknown) => {',
    replace: 'await Promise.resolve().catch((error: unknown) => {',
    breaks: 'records that were deleted stay deleted',
  },
]

/** What a start believes, cuts and goes on from. */
const recovering: readonly Mutant[] = [
  {
    name: 'recovery-skipped',
    file: 'storage/message-store.ts',
    find: 'const clean = await takeCleanShutdownMark(disk, logPath)',
    replace: 'const clean = (await takeCleanShutdownMark(disk, logPath)) || true',
    breaks: 'after a crash the files are read, and no index is trusted',
  },
  {
    name: 'clean-mark-kept',
    file: 'storage/checkpoints.ts',
    find: '  await disk.remove(path)\n  await disk.syncDirectory(logPath)\n  return true',
    replace: '  return true',
    breaks: 'the mark of a close in order holds for one start only',
  },
  {
    name: 'torn-tail-kept',
    file: 'storage/segments/cutting.ts',
    find: 'if (scan.end < contentEnd) await writer.truncate(scan.end)',
    replace: '',
    breaks: 'what an interrupted write left is cut before anything is written over it',
  },
  {
    name: 'checksum-not-compared',
    file: 'storage/segments/batch-scanner.ts',
    find: 'return !this.#verify || batch.crcMatches()',
    replace: 'return true',
    breaks: 'a torn batch is not served',
  },
  {
    name: 'offset-given-again',
    file: 'storage/segments/loader.ts',
    find: 'if (opened.active) return { segments, logEndOffset: opened.nextOffset, heldEnd }',
    replace:
      'if (opened.active) return { segments, logEndOffset: opened.nextOffset - Number(!this.#request.clean && opened.segment.sizeInBytes > 0), heldEnd }',
    breaks: 'an offset is one message for ever',
  },
  {
    name: 'recovery-point-ahead',
    file: 'storage/segments/segment-log.ts',
    find: 'this.#state.writer.recoveryPoint',
    replace: 'this.logEndOffset',
    breaks: 'below the recovery point everything is on the disk',
  },
  {
    name: 'found-but-not-synced',
    file: 'storage/segments/loader.ts',
    find: 'it has to be on the disk.\n        await segment.sync()',
    replace: 'it has to be on the disk.',
    breaks: 'what a start shows from the page cache survives the loss of power',
  },
  {
    name: 'commit-log-found-but-not-synced',
    file: 'storage/commitlog/opening.ts',
    find: 'if (damage === undefined && !clean) await syncFile(files, disk, end - 1)',
    replace: '',
    breaks: 'what a start shows of the commit log from the page cache survives the loss of power',
  },
  {
    name: 'commit-log-torn-tail-kept',
    file: 'storage/commitlog/opening.ts',
    find: 'if (isCut) await cutFiles(files, { place: { disk }, dropFile: fileDropper(tables) }, end)',
    replace: '',
    breaks: 'what an interrupted write left in the commit log is cut before anything is written over it',
  },
  {
    name: 'half-a-batch-kept',
    file: 'storage/commitlog/recovery.ts',
    find: 'const end = this.#batch[0]?.dispatch.position ?? position',
    replace: 'const end = position',
    breaks: 'a batch in the commit log is there as a whole or not at all',
  },
]

/** Producers and transactions. */
const producing: readonly Mutant[] = [
  {
    name: 'producers-forgotten',
    file: 'storage/segments/producer-recovery.ts',
    find: '      this.#states = states\n',
    replace: '',
    breaks: 'a batch that is sent again is known, also by the next process',
  },
  {
    name: 'producer-snapshot-too-late',
    file: 'storage/segments/log-writer.ts',
    find: 'await this.#writeSnapshot(nextBase, snapshot)',
    replace: 'await this.#writeSnapshot(nextBase, encodeProducerSnapshot(this.#written.producers))',
    breaks: 'a batch that was lost is not taken for a duplicate',
  },
  {
    name: 'marker-left-out',
    file: 'broker/transactions/ending.ts',
    find: 'await writeMarkers(placesOf(partitions), marker, writeMarker)',
    replace: 'await writeMarkers(placesOf(partitions).slice(1), marker, writeMarker)',
    breaks: 'each partition of a transaction gets its marker',
  },
  {
    name: 'outcome-not-waited-for',
    file: 'broker/transactions/ending.ts',
    find: 'await log.append(transaction.transactionalId, prepared).acknowledged',
    replace: 'void log.append(transaction.transactionalId, prepared).acknowledged',
    breaks: 'the outcome of a transaction is durable before its first marker',
  },
  {
    name: 'committed-but-not-flushed',
    file: 'broker/transactions/ending.ts',
    find: 'if (commit) await Promise.all(placesOf(transaction.state.partitions).map(makeDurable))',
    replace: 'void makeDurable',
    breaks: 'what is committed is whole after the loss of power, whatever the flush policy',
  },
  {
    name: 'aborted-not-indexed',
    file: 'storage/segments/log-writer.ts',
    find: 'if (ended !== undefined) segment.transactions.add(ended)',
    replace: 'void ended',
    breaks: 'readers of committed records get nothing that was aborted',
  },
  {
    name: 'aborted-not-rebuilt',
    file: 'storage/segments/segment-scan.ts',
    find: 'if (ended !== undefined) transactions?.add(ended)',
    replace: 'void ended',
    breaks: 'readers of committed records get nothing that was aborted, also after a crash',
  },
  {
    name: 'stable-offset-ignores-open',
    file: 'storage/log/written-state.ts',
    find: 'this.#lastStableOffset = firstOpen?.transactionFirstOffset ?? highWatermark',
    replace: 'this.#lastStableOffset = highWatermark',
    breaks: 'readers of committed records wait for the end of a transaction',
  },
]

/** Groups and compaction. */
const keeping: readonly Mutant[] = [
  {
    name: 'group-commit-early',
    file: 'broker/internal-log.ts',
    find: '    await acknowledged\n    return baseOffset',
    replace: '    return baseOffset',
    breaks: 'an offset that a group has committed does not go back',
  },
  {
    name: 'group-replay-short',
    file: 'broker/groups/replay.ts',
    find: 'for (const batch of batches) replay.apply(batch)',
    replace: 'for (const batch of batches.slice(0, -1)) replay.apply(batch)',
    breaks: 'the last offset that a group has committed is found again',
  },
  {
    name: 'compaction-drops-the-last',
    file: 'storage/segments/compaction/batch-filter.ts',
    find: 'offset >= map.get(records, keyStart, keyStart + keyLength)',
    replace: 'offset > map.get(records, keyStart, keyStart + keyLength)',
    breaks: 'of each key the last value is kept',
  },
  {
    name: 'compacted-not-synced',
    file: 'storage/segments/compaction/segment-copier.ts',
    find: '    await file.sync()\n    await this.#close()',
    replace: '    await this.#close()',
    breaks: 'a compacted segment is durable before those that it replaces go',
  },
  {
    name: 'swap-steps-not-synced',
    file: 'storage/segments/compaction/swap.ts',
    find: 'if (sources.length > 1) await disk.syncDirectory(directory)',
    replace: '',
    breaks: 'a segment that was replaced does not come back beside the one that holds its records',
  },
  {
    name: 'holes-not-noted',
    file: 'storage/segments/compaction/log-compaction.ts',
    find: 'await options.onHoles?.()',
    replace: 'void options.onHoles',
    breaks: 'a log that compaction has worked on is not taken for a damaged one',
  },
]

export const mutants: readonly Mutant[] = [
  ...acknowledging,
  ...naming,
  ...recovering,
  ...producing,
  ...keeping,
  ...replicationMutants,
]
