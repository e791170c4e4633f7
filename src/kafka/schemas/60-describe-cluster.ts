/**
 * DescribeCluster: the brokers and the controller. Versions 0-2, all flexible.
 *
 *  1 brokers or controllers (KIP-919)     2 fenced brokers too (KIP-1073)
 */

import {
  array,
  bool,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  struct,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { authorizedOperations, throttleTimeMs } from './shared.js'

/** 1 for brokers, 2 for controllers. */
const endpointType = since(1, withDefault(1, int8))

export const describeClusterRequest = struct({
  includeClusterAuthorizedOperations: bool,
  endpointType,
  includeFencedBrokers: since(2, bool),
})

export const describeClusterResponse = struct({
  throttleTimeMs,
  errorCode: int16,
  errorMessage: nullable(string),
  endpointType,
  clusterId: string,
  controllerId: withDefault(-1, int32),
  brokers: array(
    struct({ brokerId: int32, host: string, port: int32, rack: nullable(string), isFenced: since(2, bool) }),
  ),
  clusterAuthorizedOperations: authorizedOperations,
})

export const describeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexibleFrom: 0,
  request: describeClusterRequest,
  response: describeClusterResponse,
})
