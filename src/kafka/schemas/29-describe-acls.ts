/**
 * DescribeAcls: the access rules that fit a filter. Versions 1-3.
 *
 *  1 kind of the resource pattern     2 flexible     3 resources of type user (KIP-373)
 */

import { array, int8, int16, nullable, string, struct, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

/** The pattern is the name of the resource itself. */
const literalPattern = 3

export const describeAclsRequest = struct({
  resourceTypeFilter: int8,
  resourceNameFilter: nullable(string),
  patternTypeFilter: withDefault(literalPattern, int8),
  principalFilter: nullable(string),
  hostFilter: nullable(string),
  operation: int8,
  permissionType: int8,
})

export const describeAclsResponse = struct({
  throttleTimeMs,
  errorCode: int16,
  errorMessage: nullable(string),
  resources: array(
    struct({
      resourceType: int8,
      resourceName: string,
      patternType: withDefault(literalPattern, int8),
      acls: array(struct({ principal: string, host: string, operation: int8, permissionType: int8 })),
    }),
  ),
})

export const describeAcls = api({
  key: 29,
  name: 'DescribeAcls',
  versions: [1, 3],
  flexibleFrom: 2,
  request: describeAclsRequest,
  response: describeAclsResponse,
})
