/** All that clients of one store know: topics and their partitions, transactions, what groups committed. */

import type { Plan } from '../plan.js'
import type { Strength, TransactionAttempt } from './attempts.js'
import { GroupModel } from './group-model.js'
import { PartitionModel } from './partition-model.js'

/** What is known of a topic of a name. */
export class TopicModel {
  readonly name: string
  readonly config: Readonly<Record<string, string>>
  readonly partitions: PartitionModel[] = []
  /** `maybe`: its creation or deletion was not answered. */
  state: 'present' | 'gone' | 'maybe' = 'gone'

  constructor(name: string, partitions: number, config: Readonly<Record<string, string>>) {
    this.name = name
    this.config = config
    this.reset(partitions)
  }

  /** Another topic begins, of the same name. */
  reset(partitions: number): void {
    this.partitions.length = 0
    for (let number = 0; number < partitions; number++)
      this.partitions.push(new PartitionModel(`${this.name}-${number}`))
  }

  /** By one partition. */
  grow(): void {
    this.partitions.push(new PartitionModel(`${this.name}-${this.partitions.length}`))
  }

  get isCompacted(): boolean {
    return this.config['cleanup.policy'] === 'compact'
  }

  get isCommitLog(): boolean {
    return this.config['storage.layout'] === 'commitlog'
  }
}

export class WorldModel {
  readonly topics: TopicModel[]
  readonly groups = new GroupModel()
  readonly transactions: TransactionAttempt[] = []
  readonly #plan: Plan
  #ids = 0
  acknowledged = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.topics = plan.topics.map(({ name, partitions, config }) => new TopicModel(name, partitions, config))
  }

  /** A name for what is sent next, that nothing else has, and as long as any other. */
  nextId(kind: string): string {
    return `${kind}${String(this.#ids++).padStart(5, '0')}`
  }

  /** How long-lived an acknowledgement of this topic is. */
  strengthOf({ config, isCommitLog }: TopicModel): Strength {
    const { settings } = this.#plan
    const own = isCommitLog ? undefined : config['flush.disk.type']
    return (own ?? settings['flush.disk.type']) === 'ASYNC_FLUSH' ? 'cache' : 'disk'
  }

  get partitions(): PartitionModel[] {
    return this.topics.flatMap(({ partitions }) => partitions)
  }

  died(how: { readonly power: boolean }): void {
    for (const partition of this.partitions) {
      partition.died()
      partition.diedOnFailingDisk()
      if (how.power) partition.lostPower()
    }
    for (const transaction of this.transactions) if (transaction.outcome === 'open') transaction.outcome = 'unknown'
    if (how.power) this.groups.lostPower()
  }

  closedInOrder(): void {
    for (const partition of this.partitions) {
      partition.died()
      partition.harden()
    }
    for (const transaction of this.transactions) if (transaction.outcome === 'open') transaction.outcome = 'unknown'
    this.groups.harden()
  }
}
