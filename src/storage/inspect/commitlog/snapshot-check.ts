/**
 * Holds what is known of all queues at one position, `store-state/queues`, against the messages before that position, and
 * RocketMQ's `checkpoint` against the last message.
 */

import { join } from 'node:path'
import type { Disk } from '../../../files/disk.js'
import { storeNames } from '../../commitlog/format.js'
import { decodeSnapshot, type StoreSnapshot } from '../../commitlog/snapshot.js'
import { readStoreCheckpoint } from '../../commitlog/store-checkpoint.js'
import type { Findings } from '../findings.js'
import { readSmallFile } from '../open-file.js'

/** Where each queue ends. */
export interface QueueEnd {
  readonly topic: string
  readonly queueId: number
  readonly nextOffset: number
}

/** The last message that was seen. */
export interface LastMessage {
  /** -1 where there was none. */
  readonly position: number
  readonly end: number
  readonly storeTimestamp: number
}

export class SnapshotCheck {
  readonly #path: string | undefined
  readonly #findings: Findings
  readonly #snapshot: StoreSnapshot | undefined
  #isCompared = false

  private constructor(path: string | undefined, snapshot: StoreSnapshot | undefined, findings: Findings) {
    this.#path = path
    this.#snapshot = snapshot
    this.#findings = findings
  }

  /**
   * @param path undefined where the store is none of ours
   * @param clean the store was closed in order, which leaves a snapshot
   */
  static async open(disk: Disk, path: string | undefined, clean: boolean, findings: Findings): Promise<SnapshotCheck> {
    if (path === undefined) return new SnapshotCheck(path, undefined, findings)
    const bytes = await readSmallFile(disk, path)
    if (bytes === undefined && clean) findings.add('queues-snapshot-missing', path, 'It is missing')
    const snapshot = bytes && decodeSnapshot(bytes)
    if (bytes !== undefined && snapshot === undefined) {
      findings.add('queues-snapshot-wrong', path, 'It is torn or damaged, or of a version that is not read')
    }
    return new SnapshotCheck(path, snapshot, findings)
  }

  /** Below this, queues and index are complete on the disk; 0 where nobody says so. */
  get position(): number {
    return this.#snapshot?.position ?? 0
  }

  get isDue(): boolean {
    return this.#snapshot !== undefined && !this.#isCompared
  }

  /**
   * When the messages before its position have been seen, and none behind it.
   * @param last the last of them
   * @param queues those that the commit log holds messages of
   */
  compare(last: LastMessage, queues: readonly QueueEnd[]): void {
    if (this.#snapshot === undefined || this.#path === undefined) return
    this.#isCompared = true
    const { position, lastPosition, storeTimestamp } = this.#snapshot
    if (last.end > position) this.#wrong(`No message begins at its position, ${position}`)
    const isGone = last.position < 0
    if (!isGone && (last.position !== lastPosition || last.storeTimestamp !== storeTimestamp)) {
      const is = `position ${last.position}, stored at ${last.storeTimestamp}`
      this.#wrong(`It says that the last message lies at ${lastPosition}, stored at ${storeTimestamp}; it is ${is}`)
    }
    const known = new Map(this.#snapshot.queues.map((queue) => [`${queue.queueId} ${queue.topic}`, queue.endOffset]))
    for (const { topic, queueId, nextOffset } of queues) {
      const endOffset = known.get(`${queueId} ${topic}`)
      const says = endOffset === undefined ? 'It does not know it' : `It says ${endOffset}`
      if (endOffset !== nextOffset) {
        this.#wrong(`${says}, and queue ${topic}/${queueId} ends at offset ${nextOffset} before position ${position}`)
      }
    }
  }

  /** @param logEnd where the commit log ends */
  finish(logEnd: number, last: LastMessage, queues: readonly QueueEnd[]): void {
    if (this.#snapshot === undefined) return
    const { position } = this.#snapshot
    if (position > logEnd) this.#wrong(`Its position is ${position}, and the commit log ends at ${logEnd}`)
    else if (this.isDue) this.compare(last, queues)
  }

  #wrong(what: string): void {
    if (this.#path !== undefined) this.#findings.add('queues-snapshot-wrong', this.#path, what)
  }
}

/** @param lastTimestamp of the last message, ms; 0 where there is none */
export async function checkStoreCheckpoint(
  disk: Disk,
  storePath: string,
  { lastTimestamp, end, clean }: { lastTimestamp: number; end: number; clean: boolean },
  findings: Findings,
): Promise<void> {
  const path = join(storePath, storeNames.checkpoint)
  if ((await disk.stat(path)) === undefined) {
    if (clean) findings.add('store-checkpoint-wrong', path, 'It is missing', { severity: 'note' })
    return
  }
  const checkpoint = await readStoreCheckpoint(disk, storePath)
  if (checkpoint === undefined) {
    findings.add('store-checkpoint-wrong', path, 'It ends before its fields do')
    return
  }
  const { physicTimestamp, logicsTimestamp, indexTimestamp, logicsPosition } = checkpoint
  if (logicsPosition < 0 || logicsPosition > end) {
    const what = `It says that the queues are complete up to ${logicsPosition}, and the commit log ends at ${end}`
    findings.add('store-checkpoint-wrong', path, what)
  }
  for (const [what, time] of Object.entries({ physicTimestamp, logicsTimestamp, indexTimestamp })) {
    if (time >= 0 && time <= lastTimestamp) continue
    findings.add(
      'store-checkpoint-wrong',
      path,
      `It says ${what} ${time}, and the last message was stored at ${lastTimestamp}`,
    )
  }
}
