/** ListTransactions, versions 0-1: the transactional ids that the coordinator knows, by state, producer id and age. */

import { type TransactionStatus, transactionStatuses } from '../../broker/transactions/contract.js'
import { kafkaCodeOf } from '../../core/errors.js'
import { listTransactions } from '../schemas/index.js'
import { endpoint } from './handler.js'

const isStatus = (name: string): name is TransactionStatus => transactionStatuses.some((status) => status === name)

export const listTransactionsEndpoint = endpoint({
  api: listTransactions,
  order: 'alone',
  async handle({ stateFilters, producerIdFilters, durationFilterMs }, { broker }) {
    const statuses = stateFilters.filter(isStatus)
    const unknownStateFilters = stateFilters.filter((name) => !isStatus(name))
    // States that nobody knows are states that nothing is in.
    const asksForNone = stateFilters.length > 0 && statuses.length === 0
    const filter = { statuses, producerIds: producerIdFilters, runningForMs: durationFilterMs }
    const found = asksForNone ? [] : await broker.listTransactions(filter)
    const transactionStates = found.map(({ transactionalId, producerId, status }) => ({
      transactionalId,
      producerId,
      transactionState: status,
    }))
    return { errorCode: 0, unknownStateFilters, transactionStates }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), transactionStates: [] }),
})
