/** DescribeLogDirs, versions 1-4: the bytes of each partition, and the room that is left where the logs lie. */

import { type DescribeLogDirsRequest, describeLogDirs } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { refusalOf } from './refusals.js'

export const describeLogDirsEndpoint = endpoint({
  api: describeLogDirs,
  order: 'alone',
  async handle({ topics }, { broker }) {
    const { path, space } = await broker.logDirectory()
    const described = await broker.describeTopics(topics === null ? null : topics.map(({ name }) => name))
    const found = described
      .map(({ name, partitions }) => ({
        name,
        partitions: partitions
          .filter(({ partition }) => isAskedFor(topics, name, partition))
          .map(({ partition, sizeInBytes }) => ({ index: partition, sizeInBytes, offsetLag: 0, isFutureKey: false })),
      }))
      .filter(({ partitions }) => partitions.length > 0)
    const room = space === undefined ? {} : { totalBytes: space.totalBytes, usableBytes: space.freeBytes }
    return { errorCode: 0, results: [{ errorCode: 0, logDir: path, topics: found, ...room }] }
  },
  refuse: (_request, error) => ({ errorCode: refusalOf(error).errorCode, results: [] }),
})

function isAskedFor(topics: DescribeLogDirsRequest['topics'], topic: string, partition: number): boolean {
  return topics === null || topics.some(({ name, partitions }) => name === topic && partitions.includes(partition))
}
