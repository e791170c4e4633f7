/** Checks the producer snapshots of a log against its batches: replays them, and compares where a snapshot was taken. */

import type { Disk } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import { GreatestIds } from '../producer-id-ranges.js'
import { type ProducerState, ProducerStates } from '../producer-states.js'
import { decodeProducerSnapshot } from '../segments/producer-snapshot.js'
import type { BatchObserver } from './check-segment.js'
import type { Findings } from './findings.js'
import { readSmallFile } from './open-file.js'

export interface SnapshotFile {
  readonly path: string
  readonly offset: number
}

/** Producers idle for longer than the default of producer.id.expiration.ms may be missing from a snapshot. */
const expirationMs = 86_400_000

export class ProducerCheck implements BatchObserver {
  readonly #findings: Findings
  /** Ascending; what is left lies beyond the batches seen so far. */
  readonly #waiting: { readonly file: SnapshotFile; readonly states: ProducerStates }[]
  readonly #replayed = new ProducerStates()
  readonly #lastSeen = new Map<number, number>()
  #maxTimestamp = -1
  /** Of the batches seen. */
  readonly producerIds = new GreatestIds()

  private constructor(findings: Findings, waiting: { file: SnapshotFile; states: ProducerStates }[]) {
    this.#findings = findings
    this.#waiting = waiting
  }

  static async open(disk: Disk, snapshots: readonly SnapshotFile[], findings: Findings): Promise<ProducerCheck> {
    const waiting: { file: SnapshotFile; states: ProducerStates }[] = []
    for (const file of [...snapshots].sort((a, b) => a.offset - b.offset)) {
      const bytes = await readSmallFile(disk, file.path)
      const states = bytes && decodeProducerSnapshot(bytes)
      if (states !== undefined) waiting.push({ file, states })
      else findings.add('snapshot-wrong', file.path, 'It is no producer snapshot: version, CRC or length is wrong')
    }
    return new ProducerCheck(findings, waiting)
  }

  get hasProducers(): boolean {
    return this.#replayed.size > 0
  }

  /** Compares no more. */
  stop(): void {
    this.#waiting.length = 0
  }

  batch(_position: number, batch: RecordBatch): void {
    while (this.#waiting.length > 0 && this.#waiting[0].file.offset <= batch.baseOffset) this.#compareNext()
    if (batch.maxTimestamp > this.#maxTimestamp) this.#maxTimestamp = batch.maxTimestamp
    if (!batch.hasProducerId) return
    this.#replayed.note(batch, batch.maxTimestamp)
    this.#lastSeen.set(batch.producerId, batch.maxTimestamp)
    this.producerIds.note(batch.producerId)
  }

  /** `endOffset`: of the log. */
  finish(endOffset: number, clean: boolean): void {
    while (this.#waiting.length > 0 && this.#waiting[0].file.offset <= endOffset) this.#compareNext()
    for (const { file } of this.#waiting) {
      const what = `It tells of batches up to offset ${file.offset}; the log ends at ${endOffset}`
      // After an end that was not in order the next start removes it.
      this.#findings.add('snapshot-wrong', file.path, what, clean ? {} : { severity: 'note' })
    }
  }

  #compareNext(): void {
    const [{ file, states }] = this.#waiting.splice(0, 1)
    const stored = new Map([...states.values()].map((state) => [state.producerId, state]))
    for (const replayed of this.#replayed.values()) {
      const found = stored.get(replayed.producerId)
      if (found === undefined) this.#missing(file, replayed)
      else this.#compare(file, found, replayed)
    }
  }

  #missing(file: SnapshotFile, replayed: ProducerState): void {
    const idleMs = this.#maxTimestamp - (this.#lastSeen.get(replayed.producerId) ?? -1)
    if (idleMs >= expirationMs && replayed.transactionFirstOffset < 0) return
    this.#findings.add(
      'snapshot-wrong',
      file.path,
      `It does not know producer ${replayed.producerId}, which wrote before it`,
    )
  }

  #compare(file: SnapshotFile, found: ProducerState, replayed: ProducerState): void {
    const [stored, wanted] = [found, replayed].map((state) => {
      // The broker's own batches have no sequence that could be recognised, and compaction may have removed them.
      const last = state.batches.findLast(({ lastSequence }) => lastSequence >= 0)
      return [state.epoch, last?.lastSequence ?? -1, last?.lastOffset ?? -1, state.transactionFirstOffset]
    })
    if (stored.every((value, i) => value === wanted[i])) return
    const names = ['epoch', 'last sequence', 'last offset', 'open transaction']
    const differs = names.flatMap((name, i) =>
      stored[i] === wanted[i] ? [] : [`${name} ${stored[i]}, not ${wanted[i]}`],
    )
    const what = `Of producer ${found.producerId} it says ${differs.join(', ')}`
    this.#findings.add('snapshot-wrong', file.path, what)
  }
}
