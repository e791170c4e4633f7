/** DescribeProducers: who writes into partitions with a producer id, and since where in a transaction. Version 0. */

import { array, int16, int32, int64, nullable, string, struct, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const describeProducersRequest = struct({
  topics: array(struct({ name: string, partitionIndexes: array(int32) })),
})

export const describeProducersResponse = struct({
  throttleTimeMs,
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          partitionIndex: int32,
          errorCode: int16,
          errorMessage: nullable(string),
          activeProducers: withDefault(
            [],
            array(
              struct({
                producerId: int64,
                producerEpoch: int32,
                lastSequence: withDefault(-1, int32),
                lastTimestamp: withDefault(-1, int64),
                coordinatorEpoch: int32,
                currentTxnStartOffset: withDefault(-1, int64),
              }),
            ),
          ),
        }),
      ),
    }),
  ),
})

export const describeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexibleFrom: 0,
  request: describeProducersRequest,
  response: describeProducersResponse,
})
