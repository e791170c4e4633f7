/** Every target, by name. */

import type { Target } from '../target.js'
import { directories } from './directories.js'
import { commandArguments, controlSocket, httpPort } from './doors.js'
import { commitLogIndexes, messageIds, segmentIndexes, settingValues } from './indexes.js'
import { frames, requests, responses } from './kafka.js'
import { batches, codecs, unverifiedBatches } from './records.js'
import {
  commitLogMessages,
  keyIndexHeaders,
  lenientJson,
  manifests,
  offsetRecords,
  producerSnapshots,
  storeSnapshots,
  textFiles,
  transactionRecords,
} from './stored.js'
import { consumerProtocol, settings, tagExpressions } from './texts.js'

export const targets: readonly Target[] = [
  frames,
  requests,
  responses,
  batches,
  unverifiedBatches,
  ...codecs,
  offsetRecords,
  transactionRecords,
  producerSnapshots,
  storeSnapshots,
  commitLogMessages,
  keyIndexHeaders,
  textFiles,
  manifests,
  lenientJson,
  consumerProtocol,
  ...settings,
  tagExpressions,
  segmentIndexes,
  commitLogIndexes,
  messageIds,
  settingValues,
  commandArguments,
  controlSocket,
  httpPort,
  ...directories,
]
