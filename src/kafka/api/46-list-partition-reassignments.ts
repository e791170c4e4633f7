/** ListPartitionReassignments, version 0: on a single node no replica ever moves. */

import { listPartitionReassignments } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { refusalOf } from './refusals.js'

export const listPartitionReassignmentsEndpoint = endpoint({
  api: listPartitionReassignments,
  order: 'alone',
  async handle() {
    return { errorCode: 0, topics: [] }
  },
  refuse: (_request, error) => ({ ...refusalOf(error), topics: [] }),
})
