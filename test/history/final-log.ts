/** All that a partition holds in the end, read raw, so that who sees what is told by its markers and not by the broker. */

import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { batchesIn } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import type { FinalPartition, StoredRecord } from './history.js'

const maxBytes = 8 << 20
/** In the key of a marker: two bytes of a version, then 0 for an abort and 1 for a commit. */
const isCommit = (key: Buffer | undefined) => key?.readInt16BE(2) === 1

export async function readFinal(address: string, topic: string, partitions: number): Promise<FinalPartition[]> {
  const service = await RemoteBroker.connect(address)
  try {
    const all: FinalPartition[] = []
    for (let partition = 0; partition < partitions; partition++)
      all.push(await readPartition(service, topic, partition))
    return all
  } finally {
    await service.close()
  }
}

async function readPartition(service: RemoteBroker, topic: string, partition: number): Promise<FinalPartition> {
  const records: StoredRecord[] = []
  const open = new Map<bigint, number[]>()
  for (let offset = 0; ; ) {
    const position = { topic, partition, offset, maxBytes, currentLeaderEpoch: -1 }
    const [fetched] = await service.fetch({ positions: [position], maxBytes, minBytes: 1, maxWaitMs: 0 })
    if (fetched.error !== undefined) throw fetched.error
    if (fetched.records.length === 0) return { start: 0, records }
    for (const batch of fetched.records.flatMap((bytes) => [...batchesIn(bytes)])) {
      const id = BigInt(batch.producerId)
      for (const record of readRecords(batch)) {
        if (record.offset < offset) continue
        offset = record.offset + 1
        if (batch.isControl) {
          const commits = isCommit(record.key as Buffer | undefined)
          for (const i of open.get(id) ?? []) records[i] = { ...records[i], committed: commits }
          open.delete(id)
          records.push({ offset: record.offset, payload: undefined, committed: true })
          continue
        }
        if (batch.isTransactional) open.set(id, [...(open.get(id) ?? []), records.length])
        records.push({
          offset: record.offset,
          payload: record.value?.toString() ?? '',
          committed: !batch.isTransactional,
        })
      }
    }
  }
}
