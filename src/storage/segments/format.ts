/**
 * Names and sizes of Kafka's partition directory (docs/formats.md). A file is `<base offset, 20 digits><suffix>`; the
 * base offset of a segment is at most the first offset in it and greater than every offset of earlier segments.
 */

export const suffix = {
  log: '.log',
  offsetIndex: '.index',
  timeIndex: '.timeindex',
  transactionIndex: '.txnindex',
  snapshot: '.snapshot',
} as const

/** States that a file name passes through while it is replaced or deleted. */
export const stage = { deleted: '.deleted', cleaned: '.cleaned', swap: '.swap' } as const

/** At the end of the name of a file that could not be used and was kept for somebody to look at. */
export const quarantined = '.quarantined'

/** Offsets in one segment differ from its base by at most this, since the indexes keep the difference in 32 bits. */
export const maxRelativeOffset = 2 ** 31 - 1

/** The most that segment.index.bytes may be: at its size an index is full and the segment rolls. */
export const maxIndexBytes = 10 * 1024 * 1024

export function segmentFileName(baseOffset: number, fileSuffix: string): string {
  return String(baseOffset).padStart(20, '0') + fileSuffix
}

/** The offset and the suffix of a file name, e.g. `{ offset: 42, suffix: '.log' }`; undefined for any other name. */
export function parseSegmentFileName(name: string): { offset: number; suffix: string } | undefined {
  const match = /^(\d{20})((?:\.[a-z]+)+)$/.exec(name)
  if (match === null) return undefined
  const offset = Number(match[1])
  return Number.isSafeInteger(offset) ? { offset, suffix: match[2] } : undefined
}

export function partitionDirectoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** Cut at the last '-', since topics may contain it; undefined for a name that is no partition directory. */
export function parsePartitionDirectoryName(name: string): { topic: string; partition: number } | undefined {
  const match = /^(.+)-(\d{1,10})$/.exec(name)
  if (match === null) return undefined
  const partition = Number(match[2])
  return partition <= 2 ** 31 - 1 && String(partition) === match[2] ? { topic: match[1], partition } : undefined
}
