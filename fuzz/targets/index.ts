/** Every target, by name. */

import type { Target } from '../target.js'
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
]
