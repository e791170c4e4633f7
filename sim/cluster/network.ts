/**
 * What lies between nodes, etcd and clients: a message comes late, overtakes another, or is lost; ways are cut, in one
 * direction or both. Who asks hears of it by waiting in vain.
 */

import { HoldfastError } from '../../src/core/errors.js'
import type { Scheduler } from '../scheduler.js'
import type { SeededRandomness } from '../seeded-randomness.js'
import type { Life } from './life.js'

export interface Question<T> {
  readonly from: string
  readonly to: string
  /** Of who asks. */
  readonly life: Life
  /** Then it is given up: whether it was carried out is not known. */
  readonly limitMs: number
  readonly signal?: AbortSignal
  /** Where it arrives; undefined where nobody listens. */
  readonly serve: () => Promise<T> | undefined
}

export class Network {
  readonly #scheduler: Scheduler
  readonly #random: SeededRandomness
  readonly #cuts = new Map<string, number>()
  /** Of messages, in [0, 1]. */
  lossRate = 0
  /** How long a message takes at most, mostly. */
  slowestMs = 2
  /** So many were lost. */
  lost = 0

  constructor(scheduler: Scheduler, random: SeededRandomness) {
    this.#scheduler = scheduler
    this.#random = random
  }

  /** Nothing gets from `from` to `to` for a while. */
  cut(from: string, to: string, forMs: number): void {
    this.#cuts.set(`${from}>${to}`, this.#scheduler.monotonic() + forMs)
  }

  heal(): void {
    this.#cuts.clear()
    this.lossRate = 0
    this.slowestMs = 2
  }

  /** Whether the message is on its way: else it is lost. */
  carry(from: string, to: string, arrive: () => void): boolean {
    const isCut = (this.#cuts.get(`${from}>${to}`) ?? 0) > this.#scheduler.monotonic()
    if (isCut || this.#random.next() < this.lossRate) {
      this.lost++
      return false
    }
    const delayMs = this.#random.once(50) ? this.#random.below(300) : this.#random.next() * this.slowestMs
    this.#scheduler.schedule(0.05 + delayMs, arrive)
    return true
  }

  /** @throws CONNECTION_FAILED; CLOSED where it is taken back */
  ask<T>({ from, to, life, limitMs, signal, serve }: Question<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (life.isOver) return
      const end = (how: () => void): void =>
        life.do(() => {
          limit.cancel()
          signal?.removeEventListener('abort', takeBack)
          how()
        })
      const fail = (): void => reject(new HoldfastError('CONNECTION_FAILED', `${to} does not answer ${from}`))
      const takeBack = (): void => end(() => reject(new HoldfastError('CLOSED', 'It was taken back.')))
      const limit = life.schedule(limitMs, () => end(fail))
      if (signal?.aborted) return takeBack()
      signal?.addEventListener('abort', takeBack)
      const back = (how: () => void): void => void this.carry(to, from, () => end(how))
      this.carry(from, to, () => {
        const work = serve()
        if (work === undefined) back(fail)
        else
          work.then(
            (value) => back(() => resolve(value)),
            (error: unknown) => back(() => reject(error)),
          )
      })
    })
  }
}
