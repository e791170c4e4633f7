/**
 * Holds the entries of one consume queue against the messages of the commit log, both in their order: every message has
 * its entry, and every entry leads to its message.
 */

import type { Findings } from '../findings.js'
import type { EntryCursor } from './entry-cursor.js'

/** A message as its queue sees it. */
export interface QueuedMessage {
  readonly queueOffset: number
  readonly position: number
  readonly sizeInBytes: number
  readonly tagsCode: number
}

/** What the log as a whole knows. */
export interface LogBounds {
  /** Where the first file begins: what an entry leads to before it was deleted. */
  readonly start: number
  /** Below this queues and index are complete on the disk; what leads further is made anew by the next start. */
  readonly settled: number
  isDamaged(position: number): boolean
}

/**
 * What is known of tags codes: of delayed messages they depend on settings of RocketMQ's; where it keeps extended queues, a
 * number that no hash can be leads into these.
 */
export type TagsCodes = 'known' | 'may lie elsewhere' | 'unknown'

/** Messages without an entry, from the first to the last of them. */
interface Missing {
  count: number
  readonly firstOffset: number
  readonly firstPosition: number
  lastOffset: number
}

export class QueueCheck {
  readonly topic: string
  readonly queueId: number
  readonly directory: string
  readonly #cursor: EntryCursor
  readonly #log: LogBounds
  readonly #tags: TagsCodes
  readonly #findings: Findings
  #missing: Missing | undefined
  #firstOffset: number | undefined
  #nextOffset: number | undefined
  #hasEntries = false

  constructor(
    place: { topic: string; queueId: number; directory: string },
    cursor: EntryCursor,
    log: LogBounds,
    tags: TagsCodes,
    findings: Findings,
  ) {
    this.topic = place.topic
    this.queueId = place.queueId
    this.directory = place.directory
    this.#cursor = cursor
    this.#log = log
    this.#tags = tags
    this.#findings = findings
  }

  /** Of the first message that the commit log holds; undefined where it holds none. */
  get firstOffset(): number | undefined {
    return this.#firstOffset
  }

  /** The offset behind the last message; undefined where the commit log holds none. */
  get nextOffset(): number | undefined {
    return this.#nextOffset
  }

  /** Where the entries ended, when all of them have been read. */
  get entriesEnd(): number {
    return this.#hasEntries ? this.#cursor.offset : 0
  }

  get mustLoad(): boolean {
    return this.#cursor.mustLoad
  }

  load(): Promise<void> {
    return this.#cursor.load()
  }

  /** The queue begins anew: a topic was deleted, and another one of its name was made. */
  restart(): void {
    this.#missing = undefined
    this.#firstOffset = undefined
    this.#nextOffset = undefined
  }

  /** The next message of the queue. False where it has to be told again, when more entries are loaded. */
  take(message: QueuedMessage): boolean {
    const { queueOffset, position } = message
    const cursor = this.#cursor
    while (!cursor.isAtEnd) {
      if (cursor.mustLoad) return false
      if (cursor.offset > queueOffset || (cursor.offset < queueOffset && this.#isLater(position))) break
      const isIt = cursor.offset === queueOffset
      if (isIt) this.#compare(message)
      else this.#passStray()
      this.#hasEntries = true
      cursor.next()
      if (isIt) return this.#took(queueOffset)
    }
    this.#miss(message)
    return this.#took(queueOffset)
  }

  #isLater(position: number): boolean {
    return !this.#cursor.isPreBlank && this.#cursor.position > position
  }

  #took(queueOffset: number): boolean {
    this.#firstOffset ??= queueOffset
    this.#nextOffset = queueOffset + 1
    return true
  }

  #compare({ queueOffset, position, sizeInBytes, tagsCode }: QueuedMessage): void {
    if (position >= this.#log.settled) return
    const { position: leadsTo, size, tagsCode: stored } = this.#cursor
    const isElsewhere = this.#tags === 'may lie elsewhere' && stored < -(2 ** 31)
    const isSame = leadsTo === position && size === sizeInBytes
    if (isSame && (stored === tagsCode || isElsewhere || this.#tags === 'unknown')) return
    const entry = `position ${leadsTo}, ${size} bytes, tags code ${stored}`
    const is = `position ${position}, ${sizeInBytes} bytes, tags code ${tagsCode}`
    this.#wrong(`Entry ${queueOffset} says ${entry}; the message has ${is}`)
  }

  /** An entry for which the log has shown no message. */
  #passStray(): void {
    const { isPreBlank, position, offset } = this.#cursor
    const { start, settled } = this.#log
    const isGone = position >= 0 && position < start
    if (isPreBlank || isGone || position >= settled || this.#log.isDamaged(position)) return
    this.#wrong(`Entry ${offset} leads to position ${position}, where no message of the queue begins`)
  }

  #wrong(what: string): void {
    this.#findings.add('queue-wrong', this.directory, what, { offset: this.#cursor.offset })
  }

  #miss({ queueOffset, position }: QueuedMessage): void {
    if (this.#missing !== undefined) {
      this.#missing.count++
      this.#missing.lastOffset = queueOffset
      return
    }
    this.#missing = { count: 1, firstOffset: queueOffset, firstPosition: position, lastOffset: queueOffset }
  }

  /**
   * When the whole log has been seen.
   * @param end where the log ends
   * @param clean the store was closed in order
   */
  async finish(end: number, clean: boolean): Promise<void> {
    const cursor = this.#cursor
    let ahead = 0
    for (;;) {
      if (cursor.mustLoad) await cursor.load()
      if (cursor.isAtEnd) break
      if (!cursor.isPreBlank && cursor.position >= end) ahead++
      else this.#passStray()
      this.#hasEntries = true
      cursor.next()
    }
    const at = { offset: cursor.offset - ahead }
    if (ahead > 0) {
      this.#findings.add('queue-ahead', this.directory, `${ahead} entries lead behind the end of the commit log`, at)
    }
    if (clean && cursor.hasMoreBehind) {
      this.#wrong('Something lies behind an empty slot, though the store was closed in order')
    }
    this.#reportMissing(Math.min(end, this.#log.settled))
  }

  #reportMissing(end: number): void {
    if (this.#missing === undefined || this.#missing.firstPosition >= end) return
    const { count, firstOffset, lastOffset } = this.#missing
    const which = count === 1 ? `message ${firstOffset}` : `${count} messages from ${firstOffset} to ${lastOffset}`
    const what = `It has no entry for ${which}, which the commit log holds`
    this.#findings.add('queue-behind', this.directory, what, { offset: firstOffset })
  }
}
