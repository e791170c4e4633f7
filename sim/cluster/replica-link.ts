/** A replica's way to another node over the simulated network: what goes over it is a copy, and each question stands alone. */

import type { OpenLink, ReplicaFetch, ReplicaFetched, ReplicaService } from '../../src/replication/contract.js'
import type { Life } from './life.js'
import type { Network } from './network.js'

/** Beyond what an answer may wait. */
const limitMs = 3000

export interface LinkOptions {
  readonly network: Network
  readonly name: string
  readonly life: Life
  /** Asks a node of this port, in its life; undefined where it does not run. */
  readonly asked: <T>(port: number, question: (service: ReplicaService) => Promise<T>) => Promise<T> | undefined
}

export function simulatedLinks({ network, name, life, asked }: LinkOptions): OpenLink {
  return ({ port }) => {
    const ask = <T>(
      question: (service: ReplicaService) => Promise<T>,
      { maxWaitMs = 0, signal }: { maxWaitMs?: number; signal?: AbortSignal } = {},
    ): Promise<T> =>
      network.ask({
        from: name,
        to: `node${port}`,
        life,
        limitMs: limitMs + maxWaitMs,
        signal,
        serve: () => asked(port, question),
      })
    return {
      fetch: ({ signal, ...request }) => ask((service) => copied(service, request), { ...request, signal }),
      acknowledge: ({ signal, ...acknowledgement }) =>
        ask((service) => service.acknowledge(acknowledgement), { signal }),
      endOfEpochs: (epoch, questions) => ask((service) => service.endOfEpochs(epoch, questions)),
      report: ({ signal, ...report }) => ask((service) => service.report(report), { ...report, signal }),
      close: async () => {},
    }
  }
}

/** What is lent to the wire is copied before it goes. */
async function copied(service: ReplicaService, request: ReplicaFetch): Promise<ReplicaFetched> {
  const { sessionId, partitions } = await service.fetch(request)
  return {
    sessionId,
    partitions: partitions.map(({ release, records, ...partition }) => {
      const own = records.map((bytes) => Buffer.from(bytes))
      release?.()
      return { ...partition, records: own }
    }),
  }
}
