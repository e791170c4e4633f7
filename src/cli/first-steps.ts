/** What `serve` says to somebody who is here for the first time: lines to paste as they stand. */

import { relative } from 'node:path'

export interface Served {
  /** host:port of the Kafka protocol. */
  readonly kafka: string
  /** `http://host:port` of the console, where it is served. */
  readonly http?: string
}

const usualKafkaAddress = '127.0.0.1:9092'

/** What can be done with a broker that has just begun to serve. */
export function firstSteps({ kafka, http }: Served): string {
  const command = commandName()
  const broker = kafka === usualKafkaAddress ? '' : ` --broker ${kafka}`
  const browse = http === undefined ? '' : `\nand look at it:\n  ${http}/#/topics/greetings/messages\n`
  return `
Send a message, and read it, in another terminal:
  echo hello | ${command} produce greetings${broker}
  ${command} consume greetings --no-follow${broker}
${browse}
or with any client of Kafka, such as kcat:
  echo hello | kcat -P -b ${kafka} -t greetings
  kcat -C -b ${kafka} -t greetings -e

or without a server, from a program of yours:
  import { open } from 'holdfast'
  await using mq = await open('./my-data')
  await mq.send('greetings', { value: 'hello' })
`
}

/** How the user can call this program again from where they are: by its path in a checkout, by its name elsewhere. */
function commandName(): string {
  const path = relative(process.cwd(), process.argv[1] ?? '')
  return path === '' || path.startsWith('..') || path.includes('node_modules') ? 'npx holdfast' : path
}
