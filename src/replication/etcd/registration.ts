/**
 * Binds the id of a node to its lease, so that no two processes are one node. Whose lease an id is bound to tells whether
 * another process has it: etcd gives each lease a number of its own, and a process knows those that it was granted.
 */

import type { Member } from '../../broker/replication.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { Heard } from './heard.js'
import type { Lease } from './lease.js'
import type { Keys } from './records.js'
import { joining, type Step } from './steps.js'

/** etcd looks for leases that have run out twice a second, and then has to agree on their end. */
const etcdSlackMs = 1_500

export interface RegistrationOptions {
  readonly keys: Keys
  readonly self: Member
  readonly lease: Lease
  readonly heard: Heard
  readonly clock: Clock
  readonly logger: Logger
  /** Resolves with whether the change was made. */
  readonly make: (step: Step) => Promise<boolean>
}

export class Registration {
  readonly #options: RegistrationOptions
  /** Once this process had the id. */
  #hasHeld = false
  /** By the monotonic clock: since when another has the id. */
  #takenSince: number | undefined
  #isTold = false

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** The id of this node is bound to its lease. */
  get holds(): boolean {
    const { lease, self, heard } = this.#options
    return lease.id !== undefined && heard.view?.members.get(self.nodeId)?.lease === lease.id
  }

  /** Who has the id, where it is bound to a lease that this process never had. */
  get #taker(): Member | undefined {
    const { heard, self, lease } = this.#options
    const bound = heard.view?.members.get(self.nodeId)
    return bound === undefined || lease.wasGranted(bound.lease) ? undefined : bound.member
  }

  /** The id is this process's, as far as is known here: also while its lease is lost, and it gets another. */
  get isOwn(): boolean {
    return this.#hasHeld && this.#taker === undefined
  }

  /** Longer than a process that was killed is remembered: the one that has the id is alive. */
  get isInUse(): boolean {
    const { clock, lease } = this.#options
    return this.#takenSince !== undefined && clock.monotonic() - this.#takenSince >= lease.durationMs + etcdSlackMs
  }

  /** Tries to bind the id where it is not; resolves with whether it is. Says once where another process has it. */
  async renew(): Promise<boolean> {
    const { lease, clock, logger, keys, self, make } = this.#options
    if (!this.holds && lease.id !== undefined) await make(joining(keys, self, lease.id))
    if (this.holds) this.#hasHeld = true
    const taker = this.#taker
    if (taker === undefined) {
      this.#takenSince = undefined
      this.#isTold = false
    } else {
      this.#takenSince ??= clock.monotonic()
      if (this.isInUse && !this.#isTold) {
        logger.error({ reason: this.refusal().message }, 'another process has taken the id of this node in etcd')
        this.#isTold = true
      }
    }
    return this.holds
  }

  refusal(): HoldfastError {
    const { keys, self } = this.#options
    const taker = this.#taker
    const where = taker === undefined ? '' : `, which is reached at ${taker.host}:${taker.port}`
    return new HoldfastError(
      'INVALID_SETTING',
      `node.id=${self.nodeId} is in use by another process${where}; give each node of "${keys.prefix}" in etcd an id of its own.`,
    )
  }
}
