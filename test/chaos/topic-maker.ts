/** Makes topics and deletes some of them again while things go wrong, and holds what is there in the end against it. */

import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { dice } from '../crash/seeded.js'
import type { Violation } from '../history/history.js'
import type { Life } from '../history/recorder.js'

/** Of a call: without an answer it may have been done or not. */
type Outcome = 'acked' | 'unknown'

export interface MadeTopic {
  readonly name: string
  readonly created: Outcome
  /** A message in it. */
  readonly sent?: Outcome
  readonly deleted?: Outcome
}

const patience = { requestTimeoutMs: 3000, retryMs: 20_000 }

const outcomeOf = (work: Promise<unknown>): Promise<Outcome> =>
  work.then(
    () => 'acked',
    () => 'unknown',
  )

/** Until the life ends. */
export async function makeTopics(life: Life, seed: number): Promise<MadeTopic[]> {
  const luck = dice(seed)
  const made: MadeTopic[] = []
  for (let number = 0; life.running; number++) {
    for (let left = luck.between(3000, 9000); left > 0 && life.running; left -= 100) await pause(100)
    const service = await RemoteBroker.connect(life.address, patience).catch(() => undefined)
    if (service === undefined) continue
    await using queue = new Queue(service)
    const name = `made-${number}`
    const created = await outcomeOf(queue.topics.create(name, { partitions: 1 }))
    const sent = created === 'acked' ? await outcomeOf(queue.send(name, { value: name })) : undefined
    const deleted = luck.next() < 0.3 ? await outcomeOf(queue.topics.delete(name)) : undefined
    made.push({ name, created, sent, deleted })
  }
  return made
}

/** What the topics hold in the end, by their names. */
export async function topicsThere(address: string): Promise<ReadonlyMap<string, readonly string[]>> {
  await using queue = new Queue(await RemoteBroker.connect(address, patience))
  const there = new Map<string, string[]>()
  for (const { name } of await queue.topics.list()) {
    if (!name.startsWith('made-')) continue
    const values: string[] = []
    for await (const message of queue.consume(name, { follow: false })) values.push(message.text())
    there.set(name, values)
  }
  return there
}

export function checkTopics(made: readonly MadeTopic[], there: ReadonlyMap<string, readonly string[]>): Violation[] {
  const violation = (rule: string, what: string): Violation => ({ rule, what, operations: [] })
  return made.flatMap(({ name, created, sent, deleted }) => {
    const values = there.get(name)
    if (deleted === 'acked') return values === undefined ? [] : [violation('topic-back', `${name} was deleted`)]
    if (deleted === 'unknown' || (created === 'unknown' && values === undefined)) return []
    if (values === undefined) return [violation('topic-lost', `${name} was made, and is not there`)]
    if (sent !== 'acked' || values.includes(name)) return []
    return [violation('acknowledged-lost', `the message of topic ${name}, which holds ${values.length} others`)]
  })
}
