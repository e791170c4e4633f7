/**
 * DescribeConfigs: the settings of topics and brokers. Versions 1-4.
 *
 *  1 synonyms, and where a value comes from (KIP-226)     3 types and documentation (KIP-569)     4 flexible
 */

import {
  array,
  bool,
  type Infer,
  int8,
  int16,
  nullable,
  since,
  string,
  struct,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const describeConfigsRequest = struct({
  resources: array(
    struct({
      resourceType: int8,
      resourceName: string,
      /** Null for all. */
      configurationKeys: nullable(array(string)),
    }),
  ),
  includeSynonyms: withDefault(false, bool),
  includeDocumentation: since(3, bool),
})

export const describeConfigsResponse = struct({
  throttleTimeMs,
  results: array(
    struct({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
      configs: array(
        struct({
          name: string,
          value: nullable(string),
          readOnly: bool,
          configSource: withDefault(-1, int8),
          isSensitive: bool,
          synonyms: withDefault([], array(struct({ name: string, value: nullable(string), source: int8 }))),
          configType: since(3, int8),
          documentation: since(3, nullable(string)),
        }),
      ),
    }),
  ),
})

export const describeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexibleFrom: 4,
  request: describeConfigsRequest,
  response: describeConfigsResponse,
})

export type DescribeConfigsRequest = Infer<typeof describeConfigsRequest>
