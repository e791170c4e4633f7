/** Reads both sides of a partition again, side by side, and says where they differ. */

import type { BrokerService } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'
import type { StoredRecord } from '../records/record.js'
import { recordsOf, sameBatch, sameRecord } from './comparing.js'
import { type MirroredPartition, placeText } from './options.js'
import { batchesBetween, endsOf } from './reading.js'

export interface Verified {
  readonly batches: number
  readonly messages: number
}

export interface VerifyOptions {
  readonly source: BrokerService
  readonly target: BrokerService
  readonly onVerified: (bytes: number, messages: number) => void
}

/** @throws COPY_DIVERGED with the first difference */
export async function verifyPartition(options: VerifyOptions, place: MirroredPartition): Promise<Verified> {
  const { source, target } = options
  const [start] = await endsOf(source, [place], 'earliest')
  const [targetStart] = await endsOf(target, [place], 'earliest')
  // Where either has deleted its front meanwhile, that is no difference.
  const from = Math.max(start, targetStart)
  const sides = {
    theirs: batchesBetween(source, place, from, place.copiedTo),
    ours: batchesBetween(target, place, from, place.copiedTo),
  }
  return place.isCompacted ? verifyRecords(options, place, sides) : verifyBatches(options, place, sides)
}

interface Sides {
  readonly theirs: AsyncGenerator<RecordBatch>
  readonly ours: AsyncGenerator<RecordBatch>
}

async function verifyBatches(
  { onVerified }: VerifyOptions,
  place: MirroredPartition,
  { theirs, ours }: Sides,
): Promise<Verified> {
  let batches = 0
  let messages = 0
  for await (const batch of theirs) {
    const { value: copy } = await ours.next()
    if (copy === undefined) throw differs(place, batch.baseOffset, 'the target does not have it')
    if (!(await sameBatch(batch, copy)))
      throw differs(place, Math.min(batch.baseOffset, copy.baseOffset), 'it is another one there')
    const count = batch.isControl ? 0 : batch.recordsCount
    batches++
    messages += count
    onVerified(batch.sizeInBytes, count)
  }
  const { value: more } = await ours.next()
  if (more !== undefined) throw differs(place, more.baseOffset, 'the source does not have it')
  return { batches, messages }
}

/**
 * Of what is compacted each side may lack what the other still has, so messages are compared one by one. One that the
 * target lacks must have been followed there by another of its key; one that the source lacks was compacted since.
 */
async function verifyRecords(
  { onVerified }: VerifyOptions,
  place: MirroredPartition,
  { theirs, ours }: Sides,
): Promise<Verified> {
  const copies = recordsIn(ours)
  /** By key, the offset of a message that the target lacks. */
  const missing = new Map<string, number>()
  const settle = ({ key }: StoredRecord): boolean => missing.delete(keyText(key))
  let copy = (await copies.next()).value
  let batches = 0
  let messages = 0
  for await (const batch of theirs) {
    batches++
    if (batch.isControl) continue
    for (const record of await recordsOf(batch)) {
      for (; copy !== undefined && copy.offset < record.offset; copy = (await copies.next()).value) settle(copy)
      if (copy?.offset !== record.offset) {
        // That a key is deleted may be forgotten, and everything before it with it.
        if (record.value === null) settle(record)
        else missing.set(keyText(record.key), record.offset)
        continue
      }
      if (!sameRecord(record, copy, batch.timestampType === 'CreateTime'))
        throw differs(place, record.offset, 'it is another one there')
      settle(copy)
      copy = (await copies.next()).value
    }
    messages += batch.recordsCount
    onVerified(batch.sizeInBytes, batch.recordsCount)
  }
  for (; copy !== undefined; copy = (await copies.next()).value) settle(copy)
  const [lost] = missing.values()
  if (lost !== undefined) throw differs(place, lost, 'the target does not have it')
  return { batches, messages }
}

async function* recordsIn(batches: AsyncGenerator<RecordBatch>): AsyncGenerator<StoredRecord, undefined> {
  for await (const batch of batches) if (!batch.isControl) yield* await recordsOf(batch)
  return undefined
}

function keyText(key: Buffer | null): string {
  return key === null ? '' : `=${key.toString('latin1')}`
}

function differs(place: MirroredPartition, offset: number, how: string): HoldfastError {
  const what = `${placeText(place)} differs from the source at offset ${offset}: ${how}`
  return new HoldfastError('COPY_DIVERGED', `${what}.`)
}
