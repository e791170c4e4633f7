/** Who leads and who is in sync, as each node tells it, asked for past all faults of the network. */

import { setTimeout as pause } from 'node:timers/promises'
import { metadata } from '../../src/kafka/schemas/index.js'
import { Asking } from './asking.js'
import { addressOf, behindProxy } from './network.js'
import type { Host, Scene } from './scene.js'

const everyMs = 200

/** What a node said last, and what it has said. */
export interface View {
  readonly nodeId: number
  readonly leaderId: number
  readonly epoch: number
  readonly inSync: readonly number[]
  readonly members: readonly number[]
}

export class Watch {
  readonly #scene: Scene
  readonly #topic: string
  /** By node; undefined where it does not answer. */
  readonly #views = new Map<number, View | undefined>()
  readonly #running: Promise<unknown>
  readonly #onLeader: (leaderId: number, epoch: number) => void
  #isStopped = false
  /** How many there were. */
  leaders = 0
  #leaderId = -1
  #epoch = -1

  constructor(scene: Scene, topic: string, onLeader: (leaderId: number, epoch: number) => void) {
    this.#scene = scene
    this.#topic = topic
    this.#onLeader = onLeader
    this.#running = Promise.all(scene.hosts.map((host) => this.#watch(host)))
  }

  /** Who was last heard to lead; undefined before anybody was. */
  get primary(): Host | undefined {
    return this.#scene.hosts.find(({ nodeId }) => nodeId === this.#leaderId)
  }

  /** All answer, name the same leader, and have all of them in sync. */
  get isWhole(): boolean {
    const views = this.#scene.hosts.map(({ nodeId }) => this.#views.get(nodeId))
    const leader = views.find((view) => view?.leaderId === view?.nodeId)
    if (leader === undefined || leader.inSync.length !== views.length) return false
    return views.every((view) => view?.leaderId === leader.nodeId && view.epoch === leader.epoch)
  }

  describe(): string {
    const said = ({ name, nodeId }: Host): string => {
      const view = this.#views.get(nodeId)
      if (view === undefined) return `${name} (${nodeId}) does not answer`
      return `${name} (${nodeId}) says: ${view.leaderId} leads in epoch ${view.epoch}, in sync ${view.inSync.join(' ')}`
    }
    return this.#scene.hosts.map(said).join('; ')
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #watch({ name, nodeId }: Host): Promise<void> {
    const asking = new Asking({ host: addressOf(name), port: behindProxy.kafka, timeoutMs: 1000 })
    while (!this.#isStopped) {
      this.#views.set(nodeId, await this.#ask(asking, nodeId).catch(() => undefined))
      const view = this.#views.get(nodeId)
      if (view?.leaderId === nodeId && view.epoch > this.#epoch) {
        this.leaders++
        this.#leaderId = nodeId
        this.#epoch = view.epoch
        this.#onLeader(nodeId, view.epoch)
      }
      await pause(everyMs)
    }
    asking.close()
  }

  async #ask(asking: Asking, nodeId: number): Promise<View | undefined> {
    const { brokers, controllerId, topics } = await asking.ask(metadata, {
      topics: [{ topicId: Buffer.alloc(16), name: this.#topic }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    const partition = topics[0]?.partitions[0]
    return {
      nodeId,
      leaderId: partition?.leaderId ?? controllerId,
      epoch: partition?.leaderEpoch ?? -1,
      inSync: [...(partition?.inSyncReplicas ?? [])],
      members: brokers.map((each) => each.nodeId),
    }
  }
}
