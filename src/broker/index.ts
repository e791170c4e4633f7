/** `holdfast/broker`: the broker core, for programs that bring their own face. */

export { Broker, type BrokerOptions } from './broker.js'
export type * from './contract.js'
export type * from './groups/contract.js'
export type * from './transactions/contract.js'
