/** Payloads that nothing can compress: slices of random bytes, many enough that no two neighbours are the same. */

import { randomFillSync } from 'node:crypto'

const differentPayloads = 1024

/** Each call gives the next of {@link differentPayloads}. */
export function payloads(sizeBytes: number): () => Buffer {
  const random = randomFillSync(Buffer.alloc(sizeBytes * differentPayloads))
  const slices = Array.from({ length: differentPayloads }, (_, i) =>
    random.subarray(i * sizeBytes, (i + 1) * sizeBytes),
  )
  let next = 0
  return () => slices[next++ % differentPayloads]
}
