/** Says to a broker who this client is: SASL with PLAIN or SCRAM, through SaslHandshake and SaslAuthenticate. */

import { errorFromKafkaCode, HoldfastError } from '../../core/errors.js'
import type { Randomness } from '../../core/randomness.js'
import { systemRandomness } from '../../core/randomness.js'
import { saslHandshake } from '../schemas/17-sasl-handshake.js'
import { saslAuthenticate } from '../schemas/36-sasl-authenticate.js'
import type { WireClient } from '../wire-client.js'
import { proveByScram, type ScramHash } from './scram.js'

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

export interface Sasl {
  readonly mechanism: (typeof saslMechanisms)[number]
  readonly username: string
  readonly password: string
}

const hashes: Readonly<Record<string, ScramHash>> = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' }
const nonceBytes = 24
/** What is left of the time that a login holds is for requests that are under way. */
const usedShare = 0.9

/**
 * Resolves with the milliseconds for which the connection may be used.
 * @throws SASL_AUTHENTICATION_FAILED; UNSUPPORTED_SASL_MECHANISM with those that the broker knows
 */
export async function logIn(
  client: Pick<WireClient, 'send'>,
  sasl: Sasl,
  randomness: Randomness = systemRandomness,
): Promise<number> {
  const { mechanism, username, password } = sasl
  const { errorCode, mechanisms } = await client.send(saslHandshake, { mechanism }, { minVersion: 1 })
  if (errorCode !== 0) {
    const known = `The broker does not know the SASL mechanism ${mechanism}; it knows ${mechanisms.join(', ') || 'none'}.`
    throw errorFromKafkaCode(errorCode, known)
  }
  let lifetimeMs = 0
  const step = async (message: string): Promise<string> => {
    const answer = await client.send(saslAuthenticate, { authBytes: Buffer.from(message) })
    if (answer.errorCode !== 0) {
      const why = answer.errorMessage ?? 'the broker gave no reason'
      throw new HoldfastError('SASL_AUTHENTICATION_FAILED', `${username} is refused: ${why}.`)
    }
    lifetimeMs = answer.sessionLifetimeMs
    return answer.authBytes.toString()
  }
  if (mechanism === 'PLAIN') await step(`\0${username}\0${password}`)
  else await proveByScram(hashes[mechanism], sasl, randomness.bytes(nonceBytes).toString('base64url'), step)
  return lifetimeMs === 0 ? Number.POSITIVE_INFINITY : lifetimeMs * usedShare
}
