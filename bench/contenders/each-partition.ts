/** One message to each of many partitions, so many at a time as a busy program has under way. */

const underWay = 100

export async function eachPartition(partitions: number, send: (partition: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const sender = async () => {
    while (next < partitions) await send(next++)
  }
  await Promise.all(Array.from({ length: underWay }, sender))
}
