/**
 * Checks one partition directory: every file by its name, every segment by its bytes, every index and snapshot against
 * the batches, and the row of segments as a whole. It changes nothing.
 */

import { basename, join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import type { EpochStart } from '../log/leader-epochs.js'
import type { GreatestIds } from '../producer-id-ranges.js'
import { parsePartitionDirectoryName, segmentFileName, suffix } from '../segments/format.js'
import { decodeEpochs, decodePartitionMetadata } from '../segments/text-files.js'
import { IndexCheck, type IndexInterval } from './check-indexes.js'
import { ProducerCheck, type SnapshotFile } from './check-producers.js'
import { checkRow } from './check-row.js'
import { type BatchObserver, checkSegment, type SegmentFacts } from './check-segment.js'
import { TransactionCheck } from './check-transactions.js'
import { Findings } from './findings.js'
import { type FileKind, kindOfName } from './names.js'
import { orRefused, readSmallFile } from './open-file.js'

export interface PartitionRequest {
  readonly directory: string
  /** What the checkpoints and the catalog say; undefined where they say nothing. */
  readonly recoveryPoint?: number
  readonly logStartOffset?: number
  readonly highWatermark?: number
  readonly topicId?: Buffer
  readonly mayHaveHoles: boolean
  /** The directory was closed in order. */
  readonly clean: boolean
  readonly indexInterval: IndexInterval
  readonly deep: boolean
  /** Sees every batch of the log, e.g. to decode it. */
  readonly observer?: BatchObserver
  readonly onBytes: (bytes: number) => void
}

export interface PartitionFacts {
  readonly directory: string
  readonly topic: string
  readonly partition: number
  readonly request: PartitionRequest
  readonly segments: readonly SegmentFacts[]
  /** Epochs as leader-epoch-checkpoint says them; undefined where it cannot be read. */
  readonly epochs: readonly EpochStart[] | undefined
  /** As the batches say them. */
  readonly epochsInLog: readonly EpochStart[]
  readonly producerIds: GreatestIds
  /** Offset behind the last sound batch, or where the log starts if it has none. */
  readonly endOffset: number
  /** Batches are lost, so that it cannot be said where the log ended. */
  readonly isDamaged: boolean
}

export async function checkPartition(
  disk: Disk,
  request: PartitionRequest,
  findings: Findings,
): Promise<PartitionFacts> {
  return new PartitionCheck(disk, request, findings).run()
}

class PartitionCheck {
  readonly #disk: Disk
  readonly #request: PartitionRequest
  readonly #findings: Findings
  readonly #files = new Map<FileKind, { path: string; offset: number }[]>()

  constructor(disk: Disk, request: PartitionRequest, findings: Findings) {
    this.#disk = disk
    this.#request = request
    this.#findings = findings
  }

  async run(): Promise<PartitionFacts> {
    const { directory, mayHaveHoles, observer } = this.#request
    await this.#listFiles()
    await this.#checkMetadata()
    const epochs = await this.#readEpochs()
    const producers = await ProducerCheck.open(this.#disk, this.#snapshots(), this.#findings, mayHaveHoles)
    const transactions = new TransactionCheck(this.#disk, this.#findings, mayHaveHoles)
    const inLog = new EpochsInLog()
    const segments: SegmentFacts[] = []
    const logs = this.#files.get('log') ?? []
    for (const [i, { offset, path }] of logs.entries()) {
      const observers = [producers, transactions, inLog, ...(observer === undefined ? [] : [observer])]
      const isSettled = this.#isSettledBefore(logs[i + 1]?.offset)
      segments.push(await this.#checkSegment(path, offset, isSettled, epochs, observers))
      const isBroken = segments[i].damage.some(({ mended }) => mended === undefined)
      // Nobody can say any more what the batches that are lost told of producers and transactions.
      if (isBroken) producers.stop()
      if (isBroken || transactions.isStopped) transactions.stop()
      else await transactions.endSegment(path, this.#beside(offset, 'transaction-index'), isSettled)
    }
    const endOffset = segments.at(-1)?.nextOffset ?? this.#request.logStartOffset ?? 0
    producers.finish(endOffset, this.#request.clean)
    const bases = segments.map(({ baseOffset }) => baseOffset)
    const isDamaged = segments.some(({ damage }) => damage.some(({ mended }) => mended === undefined))
    if (!isDamaged) this.#checkSnapshotsThere(producers.hasProducers, bases, endOffset)
    checkRow(segments, this.#request, this.#findings)
    this.#checkEpochs(epochs, inLog.starts)
    const name = parsePartitionDirectoryName(basename(directory)) ?? { topic: basename(directory), partition: -1 }
    const { producerIds } = producers
    return {
      directory,
      ...name,
      request: this.#request,
      segments,
      epochs,
      epochsInLog: inLog.starts,
      producerIds,
      endOffset,
      isDamaged,
    }
  }

  /**
   * Whether the indexes of a segment are on the disk, whole: until it is sealed they are in the memory of the process that
   * writes it, and they get to the disk a while after that.
   */
  #isSettledBefore(nextBase: number | undefined): boolean {
    const { clean, recoveryPoint = 0 } = this.#request
    return clean || (nextBase !== undefined && nextBase < recoveryPoint)
  }

  async #checkSegment(
    path: string,
    baseOffset: number,
    isSettled: boolean,
    epochs: readonly EpochStart[] | undefined,
    observers: readonly BatchObserver[],
  ): Promise<SegmentFacts> {
    const { mayHaveHoles, deep, onBytes } = this.#request
    const paths = { offsets: this.#beside(baseOffset, 'offset-index'), times: this.#beside(baseOffset, 'time-index') }
    const ofIndexes = new Findings()
    const interval = { ...this.#request.indexInterval, isSettled }
    const indexes = await IndexCheck.open(this.#disk, baseOffset, paths, interval, ofIndexes)
    const epochAt = (offset: number) => epochs?.findLast(({ startOffset }) => startOffset <= offset)?.epoch
    const request = { path, baseOffset, mayHaveHoles, epochAt, deep, observers: [indexes, ...observers], onBytes }
    const facts = await orRefused(
      () => checkSegment(this.#disk, request, this.#findings),
      (why) => this.#unreadable(path, baseOffset, why),
    )
    indexes.finish()
    // Where batches are damaged, what names them is made anew with them.
    if (facts.damage.length === 0) this.#findings.take(ofIndexes)
    if (isSettled) this.#checkIndexesThere(paths, path)
    return facts
  }

  #unreadable(path: string, baseOffset: number, why: string): SegmentFacts {
    this.#findings.add('not-readable', path, why)
    const none = { fileBytes: 0, contentBytes: 0, soundBytes: 0, firstOffset: undefined, maxTimestamp: -1, damage: [] }
    return { path, baseOffset, nextOffset: baseOffset, ...none }
  }

  #checkIndexesThere(paths: { offsets: string | undefined; times: string | undefined }, logPath: string): void {
    const names = { offsets: suffix.offsetIndex, times: suffix.timeIndex }
    for (const which of ['offsets', 'times'] as const) {
      if (paths[which] !== undefined) continue
      this.#findings.add(
        'index-missing',
        logPath.replace(/\.log$/, names[which]),
        `It is missing beside ${basename(logPath)}`,
      )
    }
  }

  /**
   * Without a snapshot at the end of a log that was closed in order, its producers are not known again; without the ones
   * at the beginning of a segment a start reads more.
   */
  #checkSnapshotsThere(hasProducers: boolean, bases: readonly number[], endOffset: number): void {
    const { clean, indexInterval, directory } = this.#request
    if (!clean || !(hasProducers || indexInterval.isOurs)) return
    const present = new Set(this.#snapshots().map(({ offset }) => offset))
    const due = indexInterval.isOurs ? [...bases.slice(1), endOffset] : [endOffset]
    for (const offset of due.filter((one) => !present.has(one))) {
      const isLoss = offset === endOffset && hasProducers
      const path = join(directory, segmentFileName(offset, suffix.snapshot))
      const what = `The log was closed in order, and has no producer snapshot at offset ${offset}`
      this.#findings.add('snapshot-missing', path, what, { severity: isLoss ? 'warning' : 'note' })
    }
  }

  #snapshots(): readonly SnapshotFile[] {
    return this.#files.get('snapshot') ?? []
  }

  #beside(offset: number, kind: FileKind): string | undefined {
    return this.#files.get(kind)?.find((file) => file.offset === offset)?.path
  }

  async #listFiles(): Promise<void> {
    const { directory } = this.#request
    for (const { name, isDirectory } of (await this.#disk.list(directory)) ?? []) {
      const path = join(directory, name)
      const { kind, offset } = isDirectory ? { kind: 'foreign' as const, offset: undefined } : kindOfName(name)
      if (offset !== undefined) this.#files.set(kind, [...(this.#files.get(kind) ?? []), { path, offset }])
      this.#checkName(path, kind)
    }
    for (const files of this.#files.values()) files.sort((a, b) => a.offset - b.offset)
    const bases = new Set(this.#files.get('log')?.map(({ offset }) => offset))
    for (const kind of ['offset-index', 'time-index', 'transaction-index'] as const) {
      for (const { path, offset } of this.#files.get(kind) ?? []) {
        if (!bases.has(offset)) this.#findings.add('leftover', path, 'It is an index without its log')
      }
    }
  }

  #checkName(path: string, kind: FileKind): void {
    if (kind === 'leftover') this.#findings.add('leftover', path, 'A removal or a replacement was interrupted')
    else if (kind === 'set-aside') this.#findings.add('set-aside', path, 'A recovery kept it for somebody to look at')
    const isForeign = ['foreign', 'checkpoint', 'json', 'key-index', 'properties', 'mark'].includes(kind)
    if (isForeign) this.#findings.add('foreign-file', path, 'It does not belong into a partition directory')
  }

  async #checkMetadata(): Promise<void> {
    const { directory, topicId } = this.#request
    const path = join(directory, 'partition.metadata')
    const bytes = await readSmallFile(this.#disk, path)
    if (bytes === undefined) {
      this.#findings.add('metadata-missing', path, 'It is missing; Kafka would set the directory aside as a stray')
      return
    }
    const id = /^version: 0\ntopic_id: \S+\n?$/.test(bytes.toString('latin1'))
      ? decodePartitionMetadata(bytes)
      : undefined
    if (id === undefined)
      this.#findings.add('metadata-unreadable', path, 'It holds no version 0 and topic id', { severity: 'warning' })
    else if (topicId !== undefined && !topicId.equals(id)) {
      this.#findings.add('metadata-wrong', path, 'It names another topic id than config/topics.json')
    }
  }

  async #readEpochs(): Promise<EpochStart[] | undefined> {
    const path = join(this.#request.directory, 'leader-epoch-checkpoint')
    const bytes = await readSmallFile(this.#disk, path)
    if (bytes === undefined) {
      this.#findings.add('epochs-missing', path, 'It is missing')
      return undefined
    }
    try {
      return decodeEpochs(bytes, path)
    } catch (error) {
      this.#findings.add('epochs-unreadable', path, (error as Error).message)
      return undefined
    }
  }

  #checkEpochs(epochs: readonly EpochStart[] | undefined, inLog: readonly EpochStart[]): void {
    if (epochs === undefined) return
    const path = join(this.#request.directory, 'leader-epoch-checkpoint')
    const turn = epochs.findIndex(
      ({ epoch, startOffset }, i) => i > 0 && (epoch <= epochs[i - 1].epoch || startOffset < epochs[i - 1].startOffset),
    )
    if (turn !== -1)
      this.#findings.add(
        'epochs-wrong',
        path,
        `Entry ${turn} does not rise: ${epochs[turn].epoch} ${epochs[turn].startOffset}`,
      )
    const first = inLog[0]
    const unknown = inLog.find(({ epoch }) => !epochs.some((one) => one.epoch === epoch))
    if (unknown !== undefined) {
      const what = `It does not know epoch ${unknown.epoch}, which offset ${unknown.startOffset} was written in`
      this.#findings.add('epochs-wrong', path, what, { offset: unknown.startOffset })
    } else if (first !== undefined && epochs[0].startOffset > first.startOffset) {
      const what = `Its first epoch begins at offset ${epochs[0].startOffset}; the log begins at ${first.startOffset}`
      this.#findings.add('epochs-wrong', path, what, { offset: first.startOffset })
    }
  }
}

/** Where each leader epoch begins in the batches. One wrong header among others is not an epoch of its own. */
class EpochsInLog implements BatchObserver {
  readonly #starts: (EpochStart & { batches: number })[] = []

  /** Those that more than one batch tells of, or the only one. */
  get starts(): readonly EpochStart[] {
    const sure = this.#starts.filter(({ batches }) => batches > 1 || this.#starts.length === 1)
    return sure.map(({ epoch, startOffset }) => ({ epoch, startOffset }))
  }

  batch(_position: number, batch: RecordBatch): void {
    const epoch = batch.partitionLeaderEpoch
    let last = this.#starts.at(-1)
    // Epochs do not go back: what went ahead of the others was wrong.
    while (last !== undefined && epoch < last.epoch && last.batches === 1) {
      this.#starts.pop()
      last = this.#starts.at(-1)
    }
    if (last === undefined || epoch > last.epoch)
      this.#starts.push({ epoch, startOffset: batch.baseOffset, batches: 1 })
    else if (epoch === last.epoch) last.batches++
  }
}
