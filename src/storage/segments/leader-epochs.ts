/** Kafka's `leader-epoch-checkpoint`, kept in each partition directory. */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { LeaderEpochs } from '../log/leader-epochs.js'
import { decodeEpochs, encodeEpochs } from './text-files.js'

const fileName = 'leader-epoch-checkpoint'

/** Reads the file; a partition that has none begins with epoch 0 at `logStartOffset`, which is written down first. */
export async function loadLeaderEpochs(disk: Disk, directory: string, logStartOffset: number): Promise<LeaderEpochs> {
  const path = join(directory, fileName)
  const stored = await disk.readFile(path)
  const starts = stored === undefined ? [] : decodeEpochs(stored, path)
  const first = [{ epoch: 0, startOffset: logStartOffset }]
  if (starts.length === 0) await disk.replaceFile(path, encodeEpochs(first))
  return new LeaderEpochs(starts.length === 0 ? first : starts, (all) => disk.replaceFile(path, encodeEpochs(all)))
}
