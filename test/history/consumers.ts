/** Members of a group that note each message, commit by hand, and come and go. */

import type { Consumer } from 'kafkajs'
import { kafkajs } from './producers.js'
import { type Life, pause } from './recorder.js'

const commitEvery = 10

interface Member {
  leave(): Promise<void>
}

/** Nobody waits for them to join and to leave, so that a kill may meet them at it. */
export class ChangingMembers {
  readonly #life: Life
  readonly #group: string
  readonly #members: Promise<Member | undefined>[] = []
  readonly #leaving: Promise<void>[] = []
  #names = 0

  constructor(life: Life, group: string) {
    this.#life = life
    this.#group = group
  }

  get count(): number {
    return this.#members.length
  }

  join(): void {
    const member: Promise<Member | undefined> = this.#joinAtLast(() => {
      const place = this.#members.indexOf(member)
      if (place < 0 || !this.#life.running) return
      this.#members.splice(place, 1)
      this.join()
    })
    this.#members.push(member)
  }

  /** The oldest goes. */
  leave(): void {
    const member = this.#members.shift()
    if (member !== undefined) this.#leaving.push(member.then((joined) => joined?.leave()).catch(() => {}))
  }

  /** Resolves when all have left. */
  async close(): Promise<void> {
    while (this.count > 0) this.leave()
    await Promise.all(this.#leaving)
  }

  /** Undefined where the life ended before. `onLost`: its client has given up, and another has to take its place. */
  async #joinAtLast(onLost: () => void): Promise<Member | undefined> {
    while (this.#life.running) {
      const member = await join(this.#life, this.#group, `member${this.#names++}`, onLost).catch(() => undefined)
      if (member !== undefined) return member
      await pause(50)
    }
    return undefined
  }
}

async function join(life: Life, group: string, name: string, onLost: () => void): Promise<Member> {
  const consumer = kafkajs(life.address).consumer({
    groupId: group,
    sessionTimeout: 6000,
    heartbeatInterval: 200,
    rebalanceTimeout: 3000,
    maxWaitTimeInMs: 50,
    retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 30, restartOnFailure: async () => true },
  })
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (restart) return
    life.note?.(`${name} of the group gives up: ${error.message}`)
    onLost()
  })
  let joined = 0
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const partitions = payload.memberAssignment[life.topic] ?? []
    const session = `${name}.${++joined}`
    const at = life.recorder.stamp()
    // kafkajs does not tell the generation, so that one of its own is made up for each join.
    life.recorder.add({ op: 'assign', at, group, generation: at, member: name, session, partitions })
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: life.topic, fromBeginning: true })
  } catch (error) {
    await consumer.disconnect().catch(() => {})
    throw error
  }
  const committed = new Set<string>()
  consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
    for (const { partitions } of payload.topics) {
      for (const { partition, offset } of partitions) committed.add(`${partition}/${offset}`)
    }
  })
  let sinceCommit = 0
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      const at = life.recorder.stamp()
      const [offset, payload, session] = [Number(message.offset), String(message.value), `${name}.${joined}`]
      const isolation = 'read_committed'
      life.recorder.add({ op: 'deliver', at, group, session, isolation, partition, offset, payload })
      if (++sinceCommit % commitEvery === 0) await commit(life, group, consumer, committed, partition, offset + 1)
    },
  })
  return { leave: () => consumer.disconnect() }
}

/** kafkajs's `commitOffsets` also returns where its runner had ended and nothing was sent; only its event tells that it was. */
async function commit(
  life: Life,
  group: string,
  consumer: Consumer,
  committed: Set<string>,
  partition: number,
  offset: number,
): Promise<void> {
  const begin = life.recorder.stamp()
  committed.delete(`${partition}/${offset}`)
  try {
    await consumer.commitOffsets([{ topic: life.topic, partition, offset: String(offset) }])
  } catch {
    // It may have arrived or not.
  }
  const acked = committed.has(`${partition}/${offset}`)
  const end = acked ? life.recorder.stamp() : Number.POSITIVE_INFINITY
  life.recorder.add({ op: 'commit', begin, end, group, partition, offset, outcome: acked ? 'acked' : 'unknown' })
}
