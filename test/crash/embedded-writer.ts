/**
 * A program that embeds the library and is killed: `embedded-writer.ts DIR TOPIC TAG` sends without end and prints each
 * receipt, which the kernel keeps in the pipe whatever becomes of the process.
 */

import { writeSync } from 'node:fs'
import { open } from '../../src/index.js'

const [dataDir, topic, tag] = process.argv.slice(2)
const mq = await open(dataDir, { settings: { 'log.segment.bytes': 1 << 20 } })
let sent = 0

async function caller(): Promise<never> {
  for (;;) {
    const value = `${tag}-${sent++}`
    const { offset } = await mq.send(topic, { key: 'k', value })
    writeSync(1, `${offset} ${value}\n`)
  }
}

await Promise.all(Array.from({ length: 20 }, caller))
