/** One connection to one node, made anew where it broke: for questions to this node alone, whoever leads. */

import { systemClock } from '../../src/core/clock.js'
import type { Api, RequestInput, ResponseOf } from '../../src/kafka/schemas/index.js'
import { WireClient } from '../../src/kafka/wire-client.js'

export interface Asked {
  readonly host: string
  readonly port: number
  /** How long connecting, and then each answer, may take. */
  readonly timeoutMs: number
}

export class Asking {
  readonly #asked: Asked
  #client: WireClient | undefined

  constructor(asked: Asked) {
    this.#asked = asked
  }

  /** @throws CONNECTION_FAILED or another error, after which the connection is a new one */
  async ask<A extends Api>(api: A, body: RequestInput<A>, maxVersion?: number): Promise<ResponseOf<A>> {
    const { timeoutMs } = this.#asked
    try {
      if (this.#client?.isOpen !== true) this.#client = await this.#connect()
      return await within(timeoutMs, this.#client.send(api, body, { maxVersion }))
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#client?.close()
    this.#client = undefined
  }

  async #connect(): Promise<WireClient> {
    const { host, port, timeoutMs } = this.#asked
    const options = { host, port, clientId: 'chaos', requestTimeoutMs: timeoutMs, clock: systemClock }
    const connecting = WireClient.connect(options)
    try {
      return await within(timeoutMs, connecting)
    } catch (error) {
      // One that comes after all is not wanted any more.
      connecting.then(
        (client) => client.close(),
        () => {},
      )
      throw error
    }
  }
}

/** @throws where it takes longer */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
