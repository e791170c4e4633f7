/**
 * Leader epochs that Kafka has not reached. A consumer asks the leader where the epoch of the last record it has ended,
 * and takes an answer that does not know that epoch for a log that was cut. The epoch lies outside a batch's checksum, so
 * the batches are copied with the latest one that Kafka knows.
 */

import { HoldfastError } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'
import { at } from '../../records/format.js'
import { withFile } from '../inspect/open-file.js'
import type { EpochStart } from '../log/leader-epochs.js'
import { BatchScanner } from '../segments/batch-scanner.js'
import { maxRelativeOffset } from '../segments/format.js'

/** Where each epoch starts when those above `latest` are that one. */
export function lowerStarts(epochs: readonly EpochStart[], latest: number): EpochStart[] {
  const first = epochs.findIndex(({ epoch }) => epoch >= latest)
  if (first === -1) return [...epochs]
  return [...epochs.slice(0, first), { epoch: latest, startOffset: epochs[first].startOffset }]
}

const writtenAtOnceBytes = 1024 * 1024

/** Copies a segment, durably. @throws LOG_DAMAGED where it is not all batches */
export async function copyLowered(
  disk: Disk,
  { from, to, baseOffset, latest }: { from: string; to: string; baseOffset: number; latest: number },
): Promise<void> {
  const target = await disk.open(to, { mode: 'create' })
  try {
    await withFile(disk, from, async (source, size) => {
      const range = { start: 0, end: size, minOffset: baseOffset, maxOffset: baseOffset + maxRelativeOffset }
      const scanner = new BatchScanner(source, range, { verify: true })
      let written = 0
      let waiting: Buffer[] = []
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        const bytes = Buffer.from(found.batch.bytes)
        if (found.batch.partitionLeaderEpoch > latest) bytes.writeInt32BE(latest, at.partitionLeaderEpoch)
        waiting.push(bytes)
        if (scanner.position - written < writtenAtOnceBytes) continue
        await target.write(waiting, written)
        written = scanner.position
        waiting = []
      }
      if (scanner.stop !== 'end')
        throw new HoldfastError('LOG_DAMAGED', `${from} holds bytes that are no batch, at ${scanner.position}.`)
      if (waiting.length > 0) await target.write(waiting, written)
    })
    await target.sync()
  } finally {
    await target.close()
  }
}
