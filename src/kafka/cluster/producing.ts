/**
 * Batches to the leaders of their partitions. Where there is time to try again each partition has a writer, which keeps
 * their order and stores each once; without, and for a batch that is no producer's, each is sent once.
 */

import type { ProduceRequest, ProduceResult, ProducerIdentity, TopicPartition } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import { placeKey } from '../../core/place-key.js'
import { batchAt } from '../../records/batch.js'
import { requestTimedOut, throwIfRefused } from '../remote-broker-errors.js'
import { produce } from '../schemas/index.js'
import { noLeader, renew } from './asking-leaders.js'
import type { Cluster } from './cluster.js'
import { mayPass } from './in-doubt.js'
import { PartitionWriter } from './partition-writer.js'

const allReplicas = -1
/** From version 13 on it names topics by id alone, which costs a look-up and gives nothing here. */
const lastVersionWithNames = 12
/** From version 12 on a broker that is asked to adds partitions to a transaction by itself (KIP-890). */
const lastVersionWithoutImplicitPartitions = 11

export class Producing {
  readonly #cluster: Cluster
  readonly #identify: () => Promise<ProducerIdentity>
  readonly #writers = new Map<string, PartitionWriter>()
  /** By topic: who leads it is being asked. Those who come meanwhile must not overtake those who wait. */
  readonly #lookups = new Map<string, Promise<void>>()

  constructor(cluster: Cluster, identify: () => Promise<ProducerIdentity>) {
    this.#cluster = cluster
    this.#identify = identify
  }

  /** Batches of one partition arrive in the order of the calls. */
  async produce(request: ProduceRequest): Promise<ProduceResult> {
    const { transactionalId, built, batch } = request
    if (this.#cluster.retryMs === 0) return this.#sendOnce(request)
    if (built !== undefined && transactionalId === undefined) {
      return this.#writerOf(placeKey(request), request, this.#identify).write(request)
    }
    const producerId = batchAt(batch, 0)?.producerId ?? -1
    if (producerId < 0) return this.#sendOnce(request)
    const key = `${placeKey(request)} of ${producerId}`
    const writer = this.#writerOf(key, request)
    try {
      return await writer.write(request)
    } finally {
      if (writer.isIdle) this.#writers.delete(key)
    }
  }

  #writerOf(key: string, place: TopicPartition, identify?: () => Promise<ProducerIdentity>): PartitionWriter {
    const known = this.#writers.get(key)
    if (known !== undefined) return known
    const { clock, retryMs, leaders } = this.#cluster
    const { topic, partition } = place
    const writer = new PartitionWriter({
      clock,
      retryMs,
      send: (request, onSent) => this.#send(request, onSent),
      identify,
      renew: () => this.#renew({ topic, partition }),
      exists: () => leaders.of(topic, partition) !== undefined,
      hasOthers: () => this.#cluster.nodeIds.length > 1,
    })
    this.#writers.set(key, writer)
    return writer
  }

  async #sendOnce(request: ProduceRequest): Promise<ProduceResult> {
    try {
      return await this.#send(request)
    } catch (error) {
      // So that the next one goes to the right broker.
      if (error instanceof HoldfastError && mayPass(error)) await this.#renew(request)
      throw error
    }
  }

  /** Where nobody can be asked, that is seen again when something is sent. */
  async #renew(place: TopicPartition): Promise<void> {
    await renew(this.#cluster, [place.topic], [place]).catch(() => {})
  }

  async #send(request: ProduceRequest, onSent?: () => void): Promise<ProduceResult> {
    const { topic, partition, batch, transactionalId } = request
    const lookup = this.#lookupOf(request)
    if (lookup !== undefined) await lookup
    const known = this.#cluster.knownLeaderOf(request)
    if (known === undefined) throw noLeader(request)
    const timeoutMs = this.#cluster.requestTimeoutMs
    const partitions = [{ index: partition, records: batch }]
    const { topics } = await known.wire.send(
      produce,
      { acks: allReplicas, timeoutMs, transactionalId, topics: [{ name: topic, partitions }] },
      {
        maxVersion: transactionalId === undefined ? lastVersionWithNames : lastVersionWithoutImplicitPartitions,
        onSent,
      },
    )
    const answer = topics[0].partitions[0]
    if (answer.errorCode === requestTimedOut) {
      // Of a produce it says that the batch may or may not be stored, which the caller has to know.
      throw new HoldfastError('FLUSH_DISK_TIMEOUT', answer.errorMessage ?? undefined)
    }
    throwIfRefused(answer.errorCode, answer.errorMessage)
    const { baseOffset, logAppendTimeMs, logStartOffset } = answer
    return { baseOffset, logAppendTimeMs, logStartOffset }
  }

  /** Undefined where it is known who leads the partition. */
  #lookupOf({ topic, partition }: TopicPartition): Promise<void> | undefined {
    const underWay = this.#lookups.get(topic)
    if (underWay !== undefined) return underWay
    if (this.#cluster.leaders.of(topic, partition) !== undefined) return undefined
    const lookup = this.#cluster.refresh([topic])
    this.#lookups.set(topic, lookup)
    const done = (): void => {
      this.#lookups.delete(topic)
    }
    lookup.then(done, done)
    return lookup
  }
}
