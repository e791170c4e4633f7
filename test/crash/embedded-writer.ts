/**
 * A program that embeds the library and is killed: `embedded-writer.ts DIR TOPIC TAG SETTINGS`, the last one as JSON,
 * sends without end and prints each receipt, which the kernel keeps in the pipe whatever becomes of the process.
 */

import type { SettingsInput } from '../../src/core/settings.js'
import { open } from '../../src/index.js'
import { say } from './saying.js'

const [dataDir, topic, tag, settings] = process.argv.slice(2)
const mq = await open(dataDir, { settings: JSON.parse(settings) as SettingsInput })
let sent = 0

async function caller(): Promise<never> {
  for (;;) {
    const value = `${tag}-${sent++}`
    const { offset } = await mq.send(topic, { key: 'k', value })
    say(`${offset} ${value}\n`)
  }
}

await Promise.all(Array.from({ length: 20 }, caller))
