/** The ways of one host as a program: the ways as JSON in the first argument, orders by messages. */

import { type SlowWayOrder, SlowWays, type Way } from './slow-way.js'

const ways = new SlowWays()
await ways.open(JSON.parse(process.argv[2]) as Way[])
process.on('message', (order) => ways.order(order as SlowWayOrder))
process.on('disconnect', () => process.exit())
process.send?.('ready')
