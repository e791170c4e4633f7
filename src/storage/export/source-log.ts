/** One of our logs as it lies in its files, closed in order: its segments, its end, and whether Kafka could have it so. */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'
import { withFile } from '../inspect/open-file.js'
import type { EpochStart } from '../log/leader-epochs.js'
import { BatchScanner } from '../segments/batch-scanner.js'
import { maxRelativeOffset, parseSegmentFileName, segmentFileName, suffix } from '../segments/format.js'
import { decodeProducerSnapshot } from '../segments/producer-snapshot.js'
import { decodeEpochs } from '../segments/text-files.js'

export interface SourceSegment {
  readonly baseOffset: number
  readonly sizeInBytes: number
  /** A writer may go on in it: its bytes are not to be shared. */
  readonly isLast: boolean
  /** Suffixes of the files beside the log that go along. */
  readonly indexes: readonly string[]
}

export interface SourceLog {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  /** Those that hold records, ascending. */
  readonly segments: readonly SourceSegment[]
  readonly logStartOffset: number
  readonly endOffset: number
  readonly sizeInBytes: number
  readonly epochs: readonly EpochStart[]
  /** Up to where it was compacted; undefined where it never was. */
  readonly cleanedUpTo: number | undefined
  /** Producers whose transactions are open, by id. */
  readonly openTransactions: readonly number[]
}

export interface SourceRequest {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  readonly logStartOffset: number
  /** Where the checkpoints say that it ended. */
  readonly endOffset: number | undefined
  readonly cleanedUpTo: number | undefined
}

const requiredIndexes = [suffix.offsetIndex, suffix.timeIndex]

/** @throws LOG_DAMAGED where its files are not those of a log that was closed in order */
export async function readSourceLog(disk: Disk, request: SourceRequest): Promise<SourceLog> {
  const { topic, partition, directory, cleanedUpTo } = request
  const damaged = (why: string) =>
    new HoldfastError('LOG_DAMAGED', `${directory} ${why}. "holdfast verify" says what is wrong with it.`)
  const names = new Set((await disk.list(directory))?.map(({ name }) => name))
  const bases = [...names].flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === suffix.log ? parsed.offset : []
  })
  bases.sort((one, other) => one - other)
  const last = bases.at(-1)
  if (last === undefined) throw damaged('holds no segment')
  const endOffset = await endOf(disk, directory, last, damaged)
  if (request.endOffset !== undefined && endOffset !== request.endOffset) {
    throw damaged(`ends at offset ${endOffset}, and its checkpoint says ${request.endOffset}`)
  }
  const segments: SourceSegment[] = []
  for (const baseOffset of bases) {
    const sizeInBytes = (await disk.stat(join(directory, segmentFileName(baseOffset, suffix.log))))?.sizeInBytes ?? 0
    if (sizeInBytes === 0) continue
    const has = (one: string) => names.has(segmentFileName(baseOffset, one))
    const missing = requiredIndexes.find((one) => !has(one))
    if (missing !== undefined) throw damaged(`lacks ${segmentFileName(baseOffset, missing)}`)
    const indexes = has(suffix.transactionIndex) ? [...requiredIndexes, suffix.transactionIndex] : requiredIndexes
    segments.push({ baseOffset, sizeInBytes, isLast: baseOffset === last, indexes })
  }
  const snapshot = await disk.readFile(join(directory, segmentFileName(endOffset, suffix.snapshot)))
  const producers = snapshot && decodeProducerSnapshot(snapshot)
  if (producers === undefined) throw damaged(`has no readable ${segmentFileName(endOffset, suffix.snapshot)}`)
  const epochs = await disk.readFile(join(directory, 'leader-epoch-checkpoint'))
  return {
    topic,
    partition,
    directory,
    segments,
    logStartOffset: Math.max(request.logStartOffset, bases[0]),
    endOffset,
    sizeInBytes: segments.reduce((sum, one) => sum + one.sizeInBytes, 0),
    epochs: epochs === undefined ? [] : decodeEpochs(epochs, join(directory, 'leader-epoch-checkpoint')),
    cleanedUpTo,
    openTransactions: [...producers.open].map(({ producerId }) => producerId),
  }
}

/** Behind the last batch of the last segment, every one of which is read: what it ends in is the likeliest to be torn. */
async function endOf(disk: Disk, directory: string, base: number, damaged: (why: string) => Error): Promise<number> {
  const name = segmentFileName(base, suffix.log)
  return withFile(disk, join(directory, name), async (file, size) => {
    const range = { start: 0, end: size, minOffset: base, maxOffset: base + maxRelativeOffset }
    const scanner = new BatchScanner(file, range, { verify: true, ahead: true })
    let end = base
    try {
      for (;;) {
        const found = scanner.nextHere() ?? (await scanner.next())
        if (found === undefined) break
        end = found.batch.nextOffset
      }
    } finally {
      await scanner.settle()
    }
    if (scanner.stop !== 'end') throw damaged(`holds bytes that are no batch, in ${name} at ${scanner.position}`)
    return end
  })
}
