/**
 * The node that follows: it finds who leads, takes over the topics, takes off its logs what the leader does not have, and
 * then copies what comes. Whatever goes wrong, it begins again from there.
 */

import type { CopiedIntake } from '../../broker/copied-intake.js'
import type { Member } from '../../broker/replication.js'
import type { Address } from '../../core/addresses.js'
import type { Clock } from '../../core/clock.js'
import { HoldfastError, reasonOf } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { pause } from '../../core/pause.js'
import type { Settings } from '../../core/settings.js'
import { together } from '../../core/together.js'
import type { MessageStore } from '../../storage/message-store.js'
import type { LeaderLink, LeaderReport, OpenLink, ReplicaReport } from '../contract.js'
import { Fetching } from './fetching.js'
import { takeOverTopics } from './topics.js'
import { truncate } from './truncating.js'

export interface FollowerOptions {
  readonly store: MessageStore
  readonly copied: CopiedIntake
  readonly self: Member
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: Logger
  readonly openLink: OpenLink
  /** Where the leader may be. */
  readonly addresses: () => readonly Address[]
  /** Of the cluster that this directory belongs to; empty where it belongs to none yet. */
  readonly clusterId: () => string
  /** The greatest that is known. */
  readonly leaderEpoch: () => number
  readonly wantsToLead: () => boolean
  /** Written down when this resolves. @throws where this directory may not follow that leader */
  readonly onReport: (report: LeaderReport) => Promise<void>
}

const reportWaitMs = 1000
const wasEmptied = 'The leader has nothing of what these logs held: they were emptied, and begin where it begins.'
const retryMs = { first: 50, most: 1000 }

export class Follower {
  readonly #options: FollowerOptions
  #inSync = false

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /** Until `signal` is aborted. Nothing is being appended any more when this resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, addresses } = this.#options
    let delayMs = retryMs.first
    let told = ''
    while (!signal.aborted) {
      let reason = 'Nobody is known who could lead.'
      for (const address of addresses()) {
        if (signal.aborted) return
        const beganMs = clock.monotonic()
        reason = await this.#followAt(address, signal)
        if (clock.monotonic() - beganMs > retryMs.most) delayMs = retryMs.first
      }
      if (signal.aborted) return
      // Once, and not for each attempt.
      if (reason !== told) logger.warn({ reason }, 'Nobody is followed at the moment.')
      told = reason
      await pause(clock, delayMs, signal)
      delayMs = Math.min(retryMs.most, delayMs * 2)
    }
  }

  /** Resolves with why it ended. */
  async #followAt(address: Address, signal: AbortSignal): Promise<string> {
    const link = this.#options.openLink(address)
    try {
      while (await this.#follow(link, signal)) {}
      return 'The leader is another one.'
    } catch (thrown) {
      return `${address.host}:${address.port}: ${reasonOf(thrown)}`
    } finally {
      await link.close()
    }
  }

  /** Resolves with whether logs were emptied at its end, and everything has to begin anew. */
  async #follow(link: LeaderLink, signal: AbortSignal): Promise<boolean> {
    const { store, logger, onReport, self, settings, clock, copied } = this.#options
    const first = await link.report({ ...this.#aboutMe(0), maxWaitMs: 0, signal })
    const { epoch, leaderId } = first.leadership
    if (epoch < this.#options.leaderEpoch()) {
      throw new HoldfastError('FENCED_LEADER_EPOCH', `Node ${leaderId} leads in epoch ${epoch}, which is over.`)
    }
    await onReport(first)
    this.#noteInSync(first)
    if (first.catalog === undefined) {
      throw new HoldfastError('INVALID_REQUEST', `Node ${leaderId} does not say which topics there are.`)
    }
    await takeOverTopics(store, first.catalog)
    await this.#tell(link, first.catalogVersion, epoch, signal)
    const { cuts, emptied } = await truncate(store, link, epoch)
    if (cuts.length > 0)
      logger.warn({ cuts, leader: leaderId }, 'What the leader does not have was taken off the logs.')
    if (emptied.length > 0) logger.warn({ logs: emptied, leader: leaderId }, wasEmptied)
    const fetching = new Fetching({
      store,
      copied,
      leader: link,
      nodeId: self.nodeId,
      leaderEpoch: epoch,
      settings,
      clock,
      isInSync: () => this.#inSync,
    })
    await together(signal, [
      (ended) => fetching.run(ended),
      (ended) => this.#report(link, { epoch, version: first.catalogVersion }, fetching, ended),
    ])
    const { useless } = fetching
    if (signal.aborted || useless.length === 0) return false
    await store.emptyLogs(useless)
    logger.warn({ logs: useless, leader: leaderId }, wasEmptied)
    return true
  }

  /** Tells the leader of this node, and hears of topics, until another leads. */
  async #report(
    link: LeaderLink,
    { epoch, version }: { readonly epoch: number; readonly version: number },
    fetching: Fetching,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, onReport } = this.#options
    let catalogVersion = version
    while (!signal.aborted) {
      const report = await link.report({ ...this.#aboutMe(catalogVersion, epoch), maxWaitMs: reportWaitMs, signal })
      this.#noteInSync(report)
      await onReport(report)
      if (report.leadership.epoch !== epoch) return
      if (report.catalog === undefined) continue
      await takeOverTopics(store, report.catalog)
      catalogVersion = report.catalogVersion
      await this.#tell(link, catalogVersion, epoch, signal)
      fetching.noteTopics()
    }
  }

  /** Before a topic is fetched its leader knows that this node has it, and not another one of its name. */
  async #tell(link: LeaderLink, catalogVersion: number, epoch: number, signal: AbortSignal): Promise<void> {
    const report = await link.report({ ...this.#aboutMe(catalogVersion, epoch), maxWaitMs: 0, signal })
    await this.#options.onReport(report)
  }

  #noteInSync({ leadership }: LeaderReport): void {
    this.#inSync = leadership.inSync.includes(this.#options.self.nodeId)
  }

  #aboutMe(catalogVersion: number, leaderEpoch = this.#options.leaderEpoch()): Omit<ReplicaReport, 'maxWaitMs'> {
    const { self, clusterId, wantsToLead } = this.#options
    return { member: self, clusterId: clusterId(), leaderEpoch, catalogVersion, wantsToLead: wantsToLead() }
  }
}
