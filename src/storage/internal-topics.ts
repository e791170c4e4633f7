/** Topics of the broker's own: what lies in them is needed for as long as there are groups and transactions. */

/** Where committed offsets and groups are kept. */
export const offsetsTopicName = '__consumer_offsets'
/** Where the states of transactions are kept. */
export const transactionsTopicName = '__transaction_state'

export type InternalTopicName = typeof offsetsTopicName | typeof transactionsTopicName

export function isInternalTopic(name: string): name is InternalTopicName {
  return name === offsetsTopicName || name === transactionsTopicName
}
