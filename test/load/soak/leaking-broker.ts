/**
 * A program that embeds the broker and keeps what it should let go of, to see that a soak notices: memory, descriptors,
 * or nothing. `node --import tsx leaking-broker.ts DIR memory|descriptors|nothing`
 */

import { openSync } from 'node:fs'
import { Broker } from '../../../src/broker/broker.js'
import { KafkaServer } from '../../../src/kafka/server.js'

const [directory, what] = process.argv.slice(2)
const broker = await Broker.open(directory)
const server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0 })
const kept: Buffer[] = []

setInterval(() => {
  // A mebibyte every tenth of a second, touched, as from a message that somebody never forgets.
  if (what === 'memory') kept.push(Buffer.alloc(1024 * 1024, 1))
  if (what === 'descriptors') openSync(import.meta.filename, 'r')
}, 100)

console.log(JSON.stringify({ pid: process.pid, kafka: `127.0.0.1:${server.port}` }))
