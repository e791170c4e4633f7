/**
 * DescribeLogDirs: what each partition takes in the directory of the logs. Versions 1-4.
 *
 *  2 flexible     3 an error of the whole     4 what room the file system has
 */

import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  struct,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const describeLogDirsRequest = struct({
  /** Null for all. */
  topics: nullable(array(struct({ name: string, partitions: array(int32) }))),
})

export const describeLogDirsResponse = struct({
  throttleTimeMs,
  errorCode: since(3, int16),
  results: array(
    struct({
      errorCode: int16,
      logDir: string,
      topics: array(
        struct({
          name: string,
          partitions: array(struct({ index: int32, sizeInBytes: int64, offsetLag: int64, isFutureKey: bool })),
        }),
      ),
      totalBytes: since(4, withDefault(-1, int64)),
      usableBytes: since(4, withDefault(-1, int64)),
    }),
  ),
})

export const describeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 4],
  flexibleFrom: 2,
  request: describeLogDirsRequest,
  response: describeLogDirsResponse,
})

export type DescribeLogDirsRequest = Infer<typeof describeLogDirsRequest>
