/** The wire client, connected to a server on loopback that may still be starting. */

import { systemClock } from '../../src/core/clock.js'
import { WireClient } from '../../src/kafka/wire-client.js'

export function portOf({ address }: { readonly address: string }): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

/** Connects as soon as the server accepts, trying for `withinMs`; each answer may take `requestTimeoutMs`. */
export async function connectTo(port: number, withinMs: number, requestTimeoutMs = 10_000): Promise<WireClient> {
  const end = performance.now() + withinMs
  for (;;) {
    try {
      return await WireClient.connect({
        host: '127.0.0.1',
        port,
        clientId: 'holdfast',
        requestTimeoutMs,
        clock: systemClock,
      })
    } catch (error) {
      if (performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}
