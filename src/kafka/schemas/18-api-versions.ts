/**
 * ApiVersions: which APIs a broker has, in which versions. Versions 0-4.
 *
 *  1 throttle time     3 flexible; name of the client software, features (KIP-511, KIP-584)
 *  4 the lower bound of a feature may be 0 (below it, such features are left out of the answer)
 *
 * A client that sends a version we do not have gets a version 0 answer with UNSUPPORTED_VERSION. The header of the
 * answer is always the oldest one, since the client cannot know yet what the broker speaks.
 */

import { array, bool, int16, int64, since, string, struct, tagged, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const apiVersionsRequest = struct({
  clientSoftwareName: since(3, string),
  clientSoftwareVersion: since(3, string),
})

export const apiVersionsResponse = struct({
  errorCode: int16,
  apiKeys: array(struct({ apiKey: int16, minVersion: int16, maxVersion: int16 })),
  throttleTimeMs: since(1, throttleTimeMs),
  supportedFeatures: tagged(0, 3, array(struct({ name: string, minVersion: int16, maxVersion: int16 }))),
  finalizedFeaturesEpoch: tagged(1, 3, withDefault(-1, int64)),
  finalizedFeatures: tagged(2, 3, array(struct({ name: string, maxVersionLevel: int16, minVersionLevel: int16 }))),
  zkMigrationReady: tagged(3, 3, bool),
})

export const apiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexibleFrom: 3,
  request: apiVersionsRequest,
  response: apiVersionsResponse,
})
