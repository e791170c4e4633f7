/**
 * `holdfast/testing`: a real broker for the tests of other people's programs. It runs in the test's own process, on a
 * free port of the loopback address, in a temporary folder, and is gone with `await using`.
 */

import { Broker } from '../broker/broker.js'
import type { BrokerService } from '../broker/contract.js'
import type { Logger } from '../core/logger.js'
import type { SettingsInput } from '../core/settings.js'
import { makeTemporaryDirectory } from '../files/temporary-directory.js'
import { KafkaServer } from '../kafka/server.js'

export interface TestBrokerOptions {
  /** As for `holdfast serve --set`. These alone: no settings file and no environment variable is read, on no machine. */
  readonly settings?: SettingsInput
  /** Keep the data here, and leave it there; a temporary folder where absent. */
  readonly dataDir?: string
  /** A free one where absent. */
  readonly port?: number
  readonly logger?: Logger
}

export interface TestBroker extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `host:port`, as Kafka clients want it in their list of brokers. */
  readonly address: string
  readonly dataDir: string
  /** The broker without the wire, to look at what clients did. */
  readonly service: BrokerService
  /** Stops it and removes its temporary folder. */
  close(): Promise<void>
}

/**
 * Starts a broker.
 * @example
 * await using broker = await startBroker()
 * const kafka = new Kafka({ brokers: [broker.address] })
 */
export async function startBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const temporary = options.dataDir === undefined ? await makeTemporaryDirectory('holdfast-test-') : undefined
  const dataDir = options.dataDir ?? temporary?.path ?? ''
  const { settings, logger } = options
  let broker: Broker | undefined
  let server: KafkaServer
  try {
    broker = await Broker.open(dataDir, { settings, logger })
    server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: options.port ?? 0, logger })
  } catch (error) {
    await broker?.close()
    await temporary?.remove()
    throw error
  }
  const service = broker
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= (async () => {
      await server.close()
      await service.close()
      await temporary?.remove()
    })()
    return closing
  }
  const { host, port } = server
  return { host, port, address: `${host}:${port}`, dataDir, service, close, [Symbol.asyncDispose]: close }
}
