/**
 * Who coordinates which group, and which transactional id. Found by asking any broker, kept until that one says that it
 * is not the one any more, or is lost.
 */

import { HoldfastError } from '../../core/errors.js'
import { throwIfRefused } from '../remote-broker-errors.js'
import { retrying } from '../retrying.js'
import { findCoordinator } from '../schemas/index.js'
import type { WirePool } from '../wire-pool.js'
import type { Cluster } from './cluster.js'
import { isStaleCoordinator } from './staleness.js'

const keyTypes = { group: 0, transaction: 1 } as const

export class Coordinators {
  readonly #cluster: Cluster
  readonly #keyType: number
  /** Node ids. */
  readonly #found = new Map<string, Promise<number>>()

  constructor(cluster: Cluster, kind: keyof typeof keyTypes) {
    this.#cluster = cluster
    this.#keyType = keyTypes[kind]
  }

  /**
   * Asks the coordinator of `key`. Where it is another one by now that one is asked, and where it was lost it is asked
   * again for a while: only for what may be said twice.
   */
  async ask<T>(
    key: string,
    question: (wire: WirePool) => Promise<T>,
    { again = true }: { readonly again?: boolean } = {},
  ): Promise<T> {
    const patience = this.#cluster.patience()
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await question(await this.#wireTo(key))
      } catch (error) {
        if (!isStaleCoordinator(error)) throw error
        this.#found.delete(key)
        // Who says that somebody else is to be asked has done nothing.
        const isElsewhere = isFirst && error.code === 'NOT_COORDINATOR'
        if (!isElsewhere && (patience.isOver || !again)) throw error
      }
      await patience.pause()
    }
  }

  async #wireTo(key: string): Promise<WirePool> {
    const nodeId = await this.#nodeFor(key)
    if (this.#cluster.node(nodeId) === undefined) await this.#cluster.refresh([])
    const wire = this.#cluster.node(nodeId)
    if (wire !== undefined) return wire
    throw new HoldfastError('COORDINATOR_NOT_AVAILABLE', `The coordinator of ${key}, broker ${nodeId}, is not there.`)
  }

  #nodeFor(key: string): Promise<number> {
    const known = this.#found.get(key)
    if (known !== undefined) return known
    const finding = this.#find(key)
    this.#found.set(key, finding)
    finding.catch(() => {
      if (this.#found.get(key) === finding) this.#found.delete(key)
    })
    return finding
  }

  /** Kafka makes its topics of offsets and transactions only when somebody asks who coordinates. */
  #find(key: string): Promise<number> {
    const { clock, requestTimeoutMs } = this.#cluster
    const request = { key, keyType: this.#keyType, coordinatorKeys: [key] }
    return retrying(clock, requestTimeoutMs, async () => {
      const answer = await this.#cluster.any((wire) => wire.send(findCoordinator, request, { minVersion: 1 }))
      const { errorCode, errorMessage, nodeId } = answer.coordinators[0] ?? answer
      if (errorCode !== 0) this.#cluster.turnToAnother()
      throwIfRefused(errorCode, errorMessage)
      return nodeId
    })
  }
}
