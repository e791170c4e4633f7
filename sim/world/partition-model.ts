/** One partition as plain maps: what was sent, what is certain to be there, and what a reading of all of it must show. */

import type { RecordInput } from '../../src/records/record.js'
import { type Attempt, identified, identityOf, type Strength, type TransactionAttempt, textOf } from './attempts.js'
import { holds, Violation } from './violation.js'

export interface FoundRecord {
  readonly offset: number
  readonly isControl: boolean
  readonly record: RecordInput
}

interface Certain {
  readonly record: RecordInput
  readonly text: string
  strength: Strength
}

interface AttemptInTransaction {
  readonly id: string
  readonly transaction: TransactionAttempt
}

/** What may have become of records besides their deletion by somebody. */
export interface Keeping {
  readonly compacted: boolean
  /** Records that are so much older than `nowMs` may be gone. */
  readonly retentionMs?: number
  /** Any may be gone from the front. */
  readonly bySize: boolean
  readonly nowMs: number
}

export class PartitionModel {
  readonly name: string
  readonly attempts = new Map<string, Attempt>()
  /** By offset: acknowledged, or seen by a reader. */
  readonly certain = new Map<number, Certain>()
  /** Somebody asked for the deletion of what lies before it. */
  deletedBefore = 0
  /** That deletion was confirmed, and it begins there or later. */
  beginsAt = 0

  constructor(name: string) {
    this.name = name
  }

  attempt(id: string, records: readonly RecordInput[], transaction?: TransactionAttempt): Attempt {
    const own = records.map((record, index) => identified(id, index, record))
    const attempt: Attempt = {
      id,
      records: own,
      texts: own.map(textOf),
      transaction,
      outcome: 'open',
      baseOffset: undefined,
      goneFrom: undefined,
    }
    this.attempts.set(id, attempt)
    return attempt
  }

  acknowledged(attempt: Attempt, baseOffset: number, strength: Strength): void {
    const { id, texts, records } = attempt
    holds(
      attempt.baseOffset === undefined || attempt.baseOffset === baseOffset,
      'one place for a message',
      () => `${this.name}: ${id} was acknowledged at ${baseOffset}, and lay at ${attempt.baseOffset} before`,
    )
    attempt.outcome = 'acknowledged'
    attempt.baseOffset = baseOffset
    for (const [index, text] of texts.entries()) this.#know(baseOffset + index, records[index], text, strength)
  }

  /** A reader has got it. */
  seen({ offset, record, isControl }: FoundRecord, strength: Strength): void {
    if (isControl) return
    const attempt = this.#attemptOf(offset, record)
    holds(
      attempt.outcome !== 'refused',
      'nothing refused is served',
      () => `${this.name}: ${attempt.id}, which was refused, is read at ${offset}`,
    )
    this.#know(offset, record, textOf(record), strength)
  }

  /** A reader of what is committed has got it. */
  seenCommitted({ record, isControl }: FoundRecord): AttemptInTransaction | undefined {
    const attempt = isControl ? undefined : this.attempts.get(identityOf(record)?.id ?? '')
    if (attempt?.transaction === undefined) return undefined
    const { name, commitAsked, outcome } = attempt.transaction
    holds(
      commitAsked && outcome !== 'aborted',
      'nothing aborted is committed',
      () => `${this.name}: ${attempt.id} of ${name}, ${outcome}, is visible`,
    )
    return { id: attempt.id, transaction: attempt.transaction }
  }

  /** The process died: whoever has no answer will get none. */
  died(): void {
    for (const attempt of this.attempts.values()) if (attempt.outcome === 'open') attempt.outcome = 'unknown'
  }

  /** What was refused because the disk failed may not have been cut away when the process died. */
  diedOnFailingDisk(): void {
    for (const attempt of this.attempts.values()) if (attempt.outcome === 'refused') attempt.outcome = 'unknown'
  }

  lostPower(): void {
    const lost = new Set<number>()
    for (const [offset, { strength }] of this.certain) if (strength === 'cache') lost.add(offset)
    for (const offset of lost) this.certain.delete(offset)
    for (const attempt of this.attempts.values()) {
      const { baseOffset } = attempt
      if (baseOffset === undefined || !attempt.texts.some((_, index) => lost.has(baseOffset + index))) continue
      attempt.baseOffset = undefined
      attempt.outcome = 'unknown'
    }
  }

  /** This one survives the loss of power from now on, as far as it is certain. */
  firm({ baseOffset, texts }: Attempt): void {
    for (let index = 0; baseOffset !== undefined && index < texts.length; index++) {
      const certain = this.certain.get(baseOffset + index)
      if (certain !== undefined) certain.strength = 'disk'
    }
  }

  /** All that is certain survives the loss of power from now on. */
  harden(): void {
    for (const certain of this.certain.values()) certain.strength = 'disk'
  }

  /** Holds `found`, all that can be read from `start` up to `end`, against what was promised. */
  check(found: readonly FoundRecord[], start: number, end: number, keeping: Keeping): void {
    holds(start >= this.beginsAt, 'what was deleted stays deleted', () => `${this.name} begins at ${start} again`)
    this.#checkOffsets(found, start, end, keeping)
    const present = new Map<number, string>()
    const places = new Map<string, number>()
    const parts = new Map<Attempt, number>()
    const seen = new Set<Attempt>()
    for (const { offset, record, isControl } of found) {
      if (isControl) continue
      const attempt = this.#attemptOf(offset, record)
      const index = identityOf(record)?.index ?? 0
      const place = `${attempt.id}/${index}`
      seen.add(attempt)
      // Of a batch in which the log begins the front is gone.
      if (offset - index >= start) parts.set(attempt, (parts.get(attempt) ?? 0) + 1)
      const other = places.get(place)
      holds(other === undefined, 'once only', () => `${this.name}: ${place} lies at ${other} and at ${offset}`)
      places.set(place, offset)
      present.set(offset, textOf(record))
      holds(attempt.outcome !== 'refused', 'nothing refused is kept', () => `${this.name}: ${place} is at ${offset}`)
    }
    if (keeping.compacted) this.#checkKeys(found, start)
    else {
      this.#checkWhole(parts)
      this.#checkCertain(present, start, keeping)
    }
    if (!keeping.compacted) this.#markGone(seen, start)
    for (const one of found) if (!one.isControl) this.#know(one.offset, one.record, textOf(one.record), 'disk')
    for (const offset of this.certain.keys()) if (offset < start) this.certain.delete(offset)
  }

  /** What this start has not found is decided: whoever had it under way is dead, and what was left of it is cut away. */
  #markGone(found: ReadonlySet<Attempt>, start: number): void {
    for (const attempt of this.attempts.values()) if (!found.has(attempt)) attempt.goneFrom ??= start
  }

  #checkOffsets(found: readonly FoundRecord[], start: number, end: number, { compacted }: Keeping): void {
    let next = start
    for (const { offset } of found) {
      const inOrder = compacted ? offset >= next : offset === next
      holds(inOrder, 'offsets have no holes', () => `${this.name}: ${offset} comes where ${next} should`)
      next = offset + 1
    }
    const reaches = compacted ? next <= end : next === end
    holds(reaches, 'offsets have no holes', () => `${this.name} can be read up to ${next} and ends at ${end}`)
    for (const offset of this.certain.keys()) {
      holds(offset < end, 'nothing acknowledged is lost', () => `${this.name} ends at ${end}, before ${offset}`)
    }
  }

  #checkWhole(parts: ReadonlyMap<Attempt, number>): void {
    for (const [{ id, texts }, count] of parts) {
      const isWhole = count === texts.length
      holds(isWhole, 'a batch is whole or not there', () => `${this.name}: ${count} of ${texts.length} of ${id}`)
    }
  }

  #checkCertain(present: ReadonlyMap<number, string>, start: number, keeping: Keeping): void {
    for (const [offset, { text, record, strength }] of this.certain) {
      if (offset >= start) {
        holds(
          present.get(offset) === text,
          'nothing acknowledged is lost',
          () => `${this.name}: at ${offset} is not ${text} (${strength}) but ${present.get(offset)}`,
        )
        continue
      }
      if (offset < this.deletedBefore || keeping.bySize) continue
      const oldEnough = keeping.retentionMs !== undefined && record.timestamp + keeping.retentionMs <= keeping.nowMs
      holds(oldEnough, 'nothing acknowledged is lost', () => `${this.name} begins at ${start}: ${offset} is gone`)
    }
  }

  /** Of each key the last value is there, or a later one. */
  #checkKeys(found: readonly FoundRecord[], start: number): void {
    const last = new Map<string, number>()
    for (const { offset, record, isControl } of found)
      if (!isControl) last.set(String(record.key), Math.max(offset, last.get(String(record.key)) ?? -1))
    for (const [offset, { record }] of this.certain) {
      const { transaction } = this.#attemptOf(offset, record)
      const mayGo = record.value == null || (transaction !== undefined && transaction.outcome !== 'committed')
      if (mayGo || (offset < start && offset < this.deletedBefore)) continue
      const latest = last.get(String(record.key)) ?? -1
      holds(
        latest >= offset || this.#hasLaterTombstone(record, offset),
        'of each key the last value is kept',
        () => `${this.name}: the last of ${record.key} was at ${offset}, and ${latest} is found`,
      )
    }
  }

  #hasLaterTombstone({ key }: RecordInput, offset: number): boolean {
    for (const attempt of this.attempts.values()) {
      if (attempt.outcome === 'never') continue
      if (attempt.baseOffset !== undefined && attempt.baseOffset + attempt.texts.length <= offset) continue
      if (attempt.records.some((record) => record.value == null && String(record.key) === String(key))) return true
    }
    return false
  }

  #know(offset: number, record: RecordInput, text: string, strength: Strength): void {
    const known = this.certain.get(offset)
    holds(
      known === undefined || known.text === text,
      'an offset is one message',
      () => `${this.name}: at ${offset} was ${known?.text}, and is ${text}`,
    )
    if (known === undefined) this.certain.set(offset, { record, text, strength })
    else if (strength === 'disk') known.strength = 'disk'
  }

  #attemptOf(offset: number, record: RecordInput): Attempt {
    const identity = identityOf(record)
    const attempt = identity && this.attempts.get(identity.id)
    if (identity === undefined || attempt === undefined)
      throw new Violation('only what was sent is served', `${this.name}: nobody sent ${textOf(record)}, at ${offset}`)
    holds(
      attempt.texts[identity.index] === textOf(record),
      'a message keeps its bytes',
      () => `${this.name}: ${attempt.texts[identity.index]} is ${textOf(record)} at ${offset}`,
    )
    holds(
      attempt.outcome !== 'never',
      'nothing refused is kept',
      () => `${this.name}: ${attempt.id} was refused for what it is, and is at ${offset}`,
    )
    holds(
      offset < (attempt.goneFrom ?? Number.POSITIVE_INFINITY),
      'what is gone does not come back',
      () => `${this.name}: ${attempt.id} is at ${offset}, and an earlier start had not found it`,
    )
    if (attempt.baseOffset === undefined) attempt.baseOffset = offset - identity.index
    holds(
      attempt.baseOffset + identity.index === offset,
      'one place for a message',
      () => `${this.name}: ${attempt.id}/${identity.index} is at ${offset}, and began at ${attempt.baseOffset}`,
    )
    return attempt
  }
}
