/**
 * ApiVersions, versions 0-4: the table of endpoints as clients see it, without what nodes say among themselves.
 *
 * A version that we do not have is answered in version 0 with UNSUPPORTED_VERSION and the range of ApiVersions itself, so
 * that the client can ask again (KIP-511). The feature metadata.version tells tools what kind of Kafka this is like.
 */

import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { encodeResponse, type RequestHeader } from '../messages.js'
import { apiVersions } from '../schemas/index.js'
import { type Endpoint, endpoint, type Outcome } from './handler.js'

/** IBP_3_9_IV0 of Kafka's MetadataVersion.java: what this broker's set of APIs is closest to. */
const metadataVersion = 21
const feature = 'metadata.version'

/** The endpoint for a table that it is itself in: `endpoints` is called when asked. */
export function apiVersionsEndpoint(endpoints: () => readonly Endpoint[]): Endpoint {
  return endpoint({
    api: apiVersions,
    order: 'alone',
    async handle() {
      return {
        errorCode: 0,
        apiKeys: endpoints()
          .filter(({ api }) => !api.isPrivate)
          .map(rangeOf),
        supportedFeatures: [{ name: feature, minVersion: 1, maxVersion: metadataVersion }],
        finalizedFeaturesEpoch: 0,
        finalizedFeatures: [{ name: feature, maxVersionLevel: metadataVersion, minVersionLevel: metadataVersion }],
      }
    },
    refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), apiKeys: [] }),
  })
}

/** The answer to a version of ApiVersions that we do not have. */
export function refuseApiVersions({ correlationId }: RequestHeader): Promise<Outcome> {
  const { kafkaCode: errorCode } = new HoldfastError('UNSUPPORTED_VERSION')
  const [minVersion, maxVersion] = apiVersions.versions
  const body = { errorCode, apiKeys: [{ apiKey: apiVersions.key, minVersion, maxVersion }] }
  return Promise.resolve(encodeResponse(apiVersions, 0, correlationId, body))
}

function rangeOf({ api, advertised: [minVersion, maxVersion] }: Endpoint) {
  return { apiKey: api.key, minVersion, maxVersion }
}
