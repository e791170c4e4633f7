/** Connects a program to a Kafka cluster, as `open('kafka://…')` does. */

import type { ConnectionOptions } from 'node:tls'
import { HoldfastError } from '../core/errors.js'
import { RemoteBroker } from './remote-broker.js'
import { type Sasl, saslMechanisms } from './sasl/log-in.js'

/** What can be said to a cluster. */
export interface ClusterOptions {
  /** Speak TLS: true with the authorities that Node trusts, or what `tls.connect` takes (`ca`, `cert`, `key` and so on). */
  readonly tls?: boolean | ConnectionOptions
  /** Who this program is to the cluster. */
  readonly sasl?: Sasl
  /**
   * How long what fails for a reason that passes is tried again, in milliseconds: a broker that is lost, a leader that has
   * moved. A minute where absent; 0 tries once.
   */
  readonly retryMs?: number
  /** How others see this program; `holdfast` where absent. */
  readonly clientId?: string
}

/** A cluster elects another leader within ten seconds or so; a minute leaves room for two of them. */
const usualRetryMs = 60_000

/**
 * @param brokers as {@link RemoteBroker.connect} takes them
 * @throws INVALID_ARGUMENT, CONNECTION_FAILED, SASL_AUTHENTICATION_FAILED, UNSUPPORTED_SASL_MECHANISM
 */
export function openCluster(brokers: string, options: ClusterOptions): Promise<RemoteBroker> {
  const { tls, sasl, retryMs = usualRetryMs, clientId } = options
  if (typeof retryMs !== 'number' || !(retryMs >= 0)) refuse('retryMs must be a number of milliseconds')
  if (tls !== undefined && typeof tls !== 'boolean' && (typeof tls !== 'object' || tls === null)) {
    refuse('tls must be true, or options of tls.connect')
  }
  if (sasl !== undefined) checkSasl(sasl)
  return RemoteBroker.connect(brokers, { clientId, retryMs, security: { tls, sasl } })
}

function checkSasl(sasl: Sasl): void {
  const isObject = typeof sasl === 'object' && sasl !== null
  if (!isObject || typeof sasl.username !== 'string' || typeof sasl.password !== 'string') {
    refuse('sasl must be { mechanism, username, password }')
  }
  if (!saslMechanisms.includes(sasl.mechanism)) {
    refuse(`sasl.mechanism is ${String(sasl.mechanism)}; it must be one of ${saslMechanisms.join(', ')}`)
  }
}

function refuse(why: string): never {
  throw new HoldfastError('INVALID_ARGUMENT', `open: ${why}.`)
}
