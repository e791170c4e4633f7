/** The committed offsets of the source's groups, carried over as far as the messages before them are. */

import type { BrokerService } from '../broker/contract.js'
import type { FetchedOffset } from '../broker/groups/contract.js'
import { HoldfastError, reasonOf } from '../core/errors.js'
import { type MirroredPartition, placeText } from './options.js'

export interface GroupsOptions {
  readonly source: BrokerService
  readonly target: BrokerService
  /** Leader epochs of the source mean something in the target. */
  readonly keepsEpochs: boolean
  readonly onNote: (note: string) => void
}

export class MirroredGroups {
  readonly #options: GroupsOptions
  /** By group and place: what was carried over last, or found there. */
  readonly #carried = new Map<string, Map<string, number>>()
  #count = 0
  readonly #told = new Set<string>()

  constructor(options: GroupsOptions) {
    this.#options = options
  }

  /** Offsets that were carried over. */
  get count(): number {
    return this.#count
  }

  async carry(partitions: readonly MirroredPartition[]): Promise<void> {
    const copiedTo = new Map(partitions.map((one) => [placeText(one), one.copiedTo]))
    for (const { groupId, protocolType } of await this.#options.source.listGroups()) {
      // Others, such as those of Kafka Connect, commit nothing.
      if (protocolType !== '' && protocolType !== 'consumer') continue
      const committed = await this.#options.source.fetchOffsets(groupId, null)
      const ready = committed.filter(
        ({ offset, ...place }) => offset >= 0 && offset <= (copiedTo.get(placeText(place)) ?? -1),
      )
      if (ready.length > 0) await this.#carryGroup(groupId, ready)
    }
  }

  async #carryGroup(groupId: string, offsets: readonly FetchedOffset[]): Promise<void> {
    const { target, keepsEpochs } = this.#options
    const carried = this.#carried.get(groupId) ?? (await this.#inTarget(groupId, offsets))
    this.#carried.set(groupId, carried)
    const news = offsets.filter((one) => carried.get(placeText(one)) !== one.offset)
    if (news.length === 0) return
    const member = { groupId, memberId: '', groupInstanceId: null, generationId: -1 }
    const request = news.map(({ topic, partition, offset, leaderEpoch, metadata }) => {
      return { topic, partition, offset, leaderEpoch: keepsEpochs ? leaderEpoch : -1, metadata }
    })
    try {
      const outcomes = await target.commitOffsets({ ...member, offsets: request })
      for (const [i, refusal] of outcomes.entries()) {
        if (refusal !== undefined) throw refusal
        carried.set(placeText(news[i]), news[i].offset)
        this.#count++
      }
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.retriable) throw error
      this.#tell(groupId, `Group ${groupId} keeps its offsets in the target: ${reasonOf(error)}`)
    }
  }

  /** A group that has got further in the target than in the source is at work there already. */
  async #inTarget(groupId: string, offsets: readonly FetchedOffset[]): Promise<Map<string, number>> {
    const found = await this.#options.target.fetchOffsets(groupId, null)
    const there = new Map(found.map((one) => [placeText(one), one.offset]))
    const ahead = offsets.filter((one) => (there.get(placeText(one)) ?? -1) > one.offset)
    for (const one of ahead) {
      there.set(placeText(one), one.offset)
      this.#tell(groupId, `Group ${groupId} is further in the target than in the source, and is left there.`)
    }
    return there
  }

  #tell(groupId: string, note: string): void {
    if (this.#told.has(groupId)) return
    this.#told.add(groupId)
    this.#options.onNote(note)
  }
}
