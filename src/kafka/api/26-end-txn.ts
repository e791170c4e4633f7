/**
 * EndTxn, versions 0-4: commits or aborts a transaction. Answered when the outcome is durable and every partition that can
 * take its marker has it, so that what was committed is there to be read by then; Kafka answers before the markers.
 */

import { endTxn } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { transactionCode } from './refusals.js'

export const endTxnEndpoint = endpoint({
  api: endTxn,
  order: 'alone',
  async handle({ committed, ...producer }, { broker }) {
    await broker.endTransaction(producer, committed)
    return { errorCode: 0 }
  },
  refuse: (_request, error, version) => ({
    errorCode: transactionCode(error, { knowsFenced: version >= 2, knowsAbortable: version >= 4 }),
  }),
})
