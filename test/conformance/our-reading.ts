/** Everything that our library reads from its topics, as plain values to compare; bytes in base64. */

import type { Queue } from '../../src/index.js'

export interface ReadMessage {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string | null])[]
}

const base64 = (bytes: Buffer | null): string | null => (bytes === null ? null : bytes.toString('base64'))

/** By topic and partition, what is not committed too. Closes the queue. */
export async function readAll(mq: Queue): Promise<Record<string, ReadMessage[]>> {
  const read: Record<string, ReadMessage[]> = {}
  for (const { name, partitions } of await mq.topics.list()) {
    for (let partition = 0; partition < partitions; partition++) {
      const messages = await mq.read(name, { partition, limit: 100_000, isolation: 'uncommitted' })
      read[`${name}-${partition}`] = messages.map(({ offset, timestamp, key, value, headers }) => ({
        offset,
        timestamp,
        key: base64(key),
        value: base64(value),
        headers: headers.map((header) => [header.key, base64(header.value)] as const),
      }))
    }
  }
  await mq.close()
  return read
}
