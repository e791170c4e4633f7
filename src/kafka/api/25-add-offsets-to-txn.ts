/** AddOffsetsToTxn, versions 0-4: the group whose offsets a transaction is going to commit. */

import { addOffsetsToTxn } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { transactionCode } from './refusals.js'

export const addOffsetsToTxnEndpoint = endpoint({
  api: addOffsetsToTxn,
  order: 'alone',
  async handle({ groupId, ...producer }, { broker }) {
    await broker.addOffsetsToTransaction(producer, groupId)
    return { errorCode: 0 }
  },
  refuse: (_request, error, version) => ({
    errorCode: transactionCode(error, { knowsFenced: version >= 2, knowsAbortable: version >= 4 }),
  }),
})
