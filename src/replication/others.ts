/** The other nodes: where they are, and, while a person decides, whether one of them leads by now without a word to this one. */

import type { Member } from '../broker/replication.js'
import { type Address, parseBrokers } from '../core/addresses.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import { pause } from '../core/pause.js'
import type { Settings } from '../core/settings.js'
import type { Authority } from './authority.js'
import type { LeaderReport, OpenLink } from './contract.js'
import type { Person } from './person.js'

export interface OthersOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: Logger
  readonly openLink: OpenLink
  readonly self: () => Member
  readonly authority: () => Authority | undefined
  readonly person: () => Person | undefined
  readonly clusterId: () => string
  readonly knownEpoch: () => number
}

const lookEveryMs = 2000

export class Others {
  readonly #options: OthersOptions

  constructor(options: OthersOptions) {
    this.#options = options
  }

  /** Where a leader may be: the likeliest first. */
  addresses(): readonly Address[] {
    const { settings, self, authority, person } = this.#options
    const { nodeId, host, port } = self()
    const others = (authority()?.members ?? []).filter((member) => member.nodeId !== nodeId)
    const leaderId = authority()?.leadership?.leaderId
    const leader = others.filter((member) => member.nodeId === leaderId)
    if (person() === undefined) return leader
    const named = settings['replica.of'] === '' ? [] : parseBrokers(settings['replica.of'])
    const rest = others.filter((member) => member.nodeId !== leaderId)
    return [...leader, ...named, ...rest].filter((one) => one.host !== host || one.port !== port)
  }

  /** While a person decides, asks from time to time, until the returned call. */
  watch(): () => void {
    const stopped = new AbortController()
    if (this.#options.person() !== undefined) void this.#watch(stopped.signal)
    return () => stopped.abort()
  }

  /** Asks now; what is heard is learnt. */
  look(): void {
    this.isReplaced().catch((err: unknown) => {
      this.#options.logger.warn({ err }, 'What the other nodes say could not be written down.')
    })
  }

  /** Asks all; resolves with whether one of them leads by a later decision than is known here, which is learnt. */
  async isReplaced(): Promise<boolean> {
    const person = this.#options.person()
    if (person === undefined) return false
    const reports = await Promise.all(this.addresses().map((address) => this.#ask(address)))
    let isReplaced = false
    for (const report of reports) {
      if (report === undefined || report.leadership.epoch <= this.#options.knownEpoch()) continue
      await person.learn(report.leadership, report.members)
      isReplaced = true
    }
    return isReplaced
  }

  async #watch(signal: AbortSignal): Promise<void> {
    // At once too: one that this node takes the lead from, without its having let go, hears of it by being asked.
    while (!signal.aborted) {
      this.look()
      await pause(this.#options.clock, lookEveryMs, signal)
    }
  }

  async #ask(address: Address): Promise<LeaderReport | undefined> {
    const { openLink, self, clusterId, knownEpoch } = this.#options
    const link = openLink(address)
    try {
      return await link.report({
        member: self(),
        clusterId: clusterId(),
        leaderEpoch: knownEpoch(),
        catalogVersion: 0,
        maxWaitMs: 0,
        wantsToLead: false,
      })
    } catch {
      // It cannot be reached, or does not lead.
      return undefined
    } finally {
      await link.close()
    }
  }
}
