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
  readonly #mayHaveHoles: boolean
  /** Of the first batch that is left. */
  #startOffset: number | undefined
  /** Ascending; what is left lies beyond the batches seen so far. */
  readonly #waiting: { readonly file: SnapshotFile; readonly states: ProducerStates }[]
  readonly #replayed = new ProducerStates()
  readonly #lastSeen = new Map<number, number>()
  #maxTimestamp = -1
  /** Of the batches seen. */
  readonly producerIds = new GreatestIds()

  private constructor(
    findings: Findings,
    waiting: { file: SnapshotFile; states: ProducerStates }[],
    mayHaveHoles: boolean,
  ) {
    this.#findings = findings
    this.#mayHaveHoles = mayHaveHoles
    this.#waiting = waiting
  }

  static async open(
    disk: Disk,
    snapshots: readonly SnapshotFile[],
    findings: Findings,
    mayHaveHoles: boolean,
  ): Promise<ProducerCheck> {
    const waiting: { file: SnapshotFile; states: ProducerStates }[] = []
    for (const file of [...snapshots].sort((a, b) => a.offset - b.offset)) {
      const bytes = await readSmallFile(disk, file.path)
      const states = bytes && decodeProducerSnapshot(bytes)
      if (states !== undefined) waiting.push({ file, states })
      else findings.add('snapshot-wrong', file.path, 'It is no producer snapshot: version, CRC or length is wrong')
    }
    return new ProducerCheck(findings, waiting, mayHaveHoles)
  }

  get hasProducers(): boolean {
    return this.#replayed.size > 0
  }

  /** Compares no more. */
  stop(): void {
    this.#waiting.length = 0
  }

  batch(_position: number, batch: RecordBatch): void {
    this.#startOffset ??= batch.baseOffset
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
    const [stored, wanted] = [knownOf(found), knownOf(replayed)]
    const isOfGone = stored['last offset'] > wanted['last offset'] && this.#mayBeGone(stored['last offset'])
    const opensInGone =
      this.#mayBeGone(stored['open transaction']) &&
      (wanted['open transaction'] < 0 || stored['open transaction'] < wanted['open transaction'])
    const differs = Object.entries(wanted).flatMap(([name, value]) => {
      const says = stored[name as keyof Known]
      const isBeyond = name === 'open transaction' ? opensInGone : isOfGone && (name !== 'epoch' || says > value)
      return says === value || isBeyond ? [] : [`${name} ${says}, not ${value}`]
    })
    if (differs.length === 0) return
    this.#findings.add('snapshot-wrong', file.path, `Of producer ${found.producerId} it says ${differs.join(', ')}`)
  }

  /** Whether a snapshot may know a batch at this offset that the log does not show: compaction or retention has removed it since. */
  #mayBeGone(offset: number): boolean {
    return offset >= 0 && (this.#mayHaveHoles || offset < (this.#startOffset ?? 0))
  }
}

type Known = ReturnType<typeof knownOf>

function knownOf({ epoch, batches, transactionFirstOffset }: ProducerState) {
  // The broker's own batches have no sequence that could be recognised, and compaction may have removed them.
  const last = batches.findLast(({ lastSequence }) => lastSequence >= 0)
  return {
    epoch,
    'last sequence': last?.lastSequence ?? -1,
    'last offset': last?.lastOffset ?? -1,
    'open transaction': transactionFirstOffset,
  }
}
