/**
 * DescribeCluster, versions 0-2: this broker, or the nodes that copy one another. Asked for controllers (endpoint type 2) it answers as a broker of Kafka
 * does: MISMATCHED_ENDPOINT_TYPE, since controllers are asked at their own address.
 */

import { describeCluster } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { nodesOf } from './nodes.js'
import { refusalOf } from './refusals.js'

const brokers = 1
const controllers = 2
const noNode = -1
const mismatchedEndpointType = 114
const unsupportedEndpointType = 115

export const describeClusterEndpoint = endpoint({
  api: describeCluster,
  order: 'alone',
  async handle({ endpointType }, call) {
    if (endpointType !== brokers) {
      const errorCode = endpointType === controllers ? mismatchedEndpointType : unsupportedEndpointType
      const errorMessage = `This is an endpoint of brokers (type 1), not of type ${endpointType}.`
      return { errorCode, errorMessage, endpointType: brokers, clusterId: '', brokers: [] }
    }
    const { clusterId, leader, brokers: all } = nodesOf(call)
    return {
      errorCode: 0,
      endpointType,
      clusterId,
      controllerId: leader?.nodeId ?? noNode,
      brokers: all.map(({ nodeId, ...where }) => ({ brokerId: nodeId, ...where })),
    }
  },
  refuse: (_request, error) => ({ ...refusalOf(error), clusterId: '', brokers: [] }),
})
