/** DescribeAcls, versions 1-3: there are no access rules; the answer is SECURITY_DISABLED, which tools understand. */

import { kafkaCodeOf } from '../../core/errors.js'
import { describeAcls } from '../schemas/index.js'
import { endpoint } from './handler.js'

const securityDisabled = 54

export const describeAclsEndpoint = endpoint({
  api: describeAcls,
  order: 'alone',
  async handle() {
    return { errorCode: securityDisabled, errorMessage: 'This broker has no authorizer.', resources: [] }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), resources: [] }),
})
