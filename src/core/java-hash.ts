/** Java's hash of text, by which Kafka and RocketMQ choose partitions and find keys and tags. */

/** Java's String.hashCode of UTF-16 text, going on from `seed`: of "ab" it is that of "b" with the hash of "a" as seed. */
export function javaHash(text: string, seed = 0): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}
