/** Writes a history down while it happens. */

import {
  type History,
  type MessageFacts,
  never,
  type OffsetFacts,
  type TopicFacts,
  type TopicKind,
  type TransactionFacts,
} from './history.js'

export class Notes {
  readonly history: History
  /** The place in the record, now. */
  readonly position: () => number
  readonly #byId: Map<number, MessageFacts>
  #nextId: number

  constructor(history: History, position: () => number) {
    this.history = history
    this.position = position
    this.#byId = new Map(history.messages.map((message) => [message.id, message]))
    this.#nextId = Math.max(-1, ...this.#byId.keys()) + 1
  }

  createTopic(name: string, kind: TopicKind, partitions: number): TopicFacts {
    const incarnation = this.history.topics.filter((one) => one.name === name).length
    const begun = { created: never, deleteBegun: never, deleted: never }
    const topic = { name, incarnation, kind, partitions, createBegun: this.position(), ...begun }
    this.history.topics.push(topic)
    return topic
  }

  send(topic: TopicFacts, message: Pick<MessageFacts, 'partition' | 'key' | 'sizeInBytes' | 'transaction'>) {
    const { name, incarnation } = topic
    const open = { begun: this.position(), offset: -1, durable: never }
    const facts: MessageFacts = { id: this.#nextId++, topic: name, incarnation, ...message, ...open }
    this.history.messages.push(facts)
    this.#byId.set(facts.id, facts)
    return facts
  }

  /** It is promised to be at that offset from now on. */
  stored(message: MessageFacts, offset: number): void {
    message.offset = offset
    message.durable = Math.min(message.durable, this.position())
  }

  /** A reader saw it: it may not go again. */
  saw(id: number, offset: number): void {
    const message = this.#byId.get(id)
    if (message !== undefined) this.stored(message, offset)
  }

  beginTransaction(transactionalId: string): TransactionFacts {
    const index = this.history.transactions.length
    const open = { offset: -1, commitBegun: never, committed: never }
    const transaction: TransactionFacts = { index, transactionalId, begun: this.position(), ...open }
    this.history.transactions.push(transaction)
    return transaction
  }

  offset(facts: Pick<OffsetFacts, 'group' | 'topic' | 'partition' | 'offset'>): OffsetFacts {
    const one: OffsetFacts = { ...facts, begun: this.position(), done: never }
    this.history.offsets.push(one)
    return one
  }
}
