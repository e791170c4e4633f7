/**
 * SCRAM (RFC 5802, RFC 7677), the client's half: the password is proved and not sent, and the server proves that it
 * knows it too.
 */

import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.js'

export type ScramHash = 'sha256' | 'sha512'

/** Fewer would make the password easy to guess from what an eavesdropper sees, or a false server. */
const leastIterations = 4096
/** More would hold the program up for minutes. */
const mostIterations = 10_000_000
const keyBytes: Readonly<Record<ScramHash, number>> = { sha256: 32, sha512: 64 }
/** No channel binding, and no other name to act under: `n,,`. */
const gs2Header = 'n,,'
const derive = promisify(pbkdf2)

/**
 * Goes through the exchange by `step`, which sends one message and gives the server's answer.
 * @throws SASL_AUTHENTICATION_FAILED where the server does not prove that it knows the password
 */
export async function proveByScram(
  hash: ScramHash,
  { username, password }: { readonly username: string; readonly password: string },
  nonce: string,
  step: (message: string) => Promise<string>,
): Promise<void> {
  const clientFirst = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  const serverFirst = await step(gs2Header + clientFirst)
  const { r: bothNonces = '', s: salt = '', i: count = '' } = attributesOf(serverFirst)
  const iterations = Number(count)
  if (!bothNonces.startsWith(nonce) || bothNonces.length === nonce.length || salt === '') {
    throw distrusted('its first answer does not belong to this exchange')
  }
  if (!(iterations >= leastIterations && iterations <= mostIterations))
    throw distrusted(`it asks for ${count} iterations`)
  const salted = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64'), iterations, keyBytes[hash], hash)
  const withoutProof = `c=${Buffer.from(gs2Header).toString('base64')},r=${bothNonces}`
  const exchange = `${clientFirst},${serverFirst},${withoutProof}`
  const clientKey = hmac(hash, salted, 'Client Key')
  const signature = hmac(hash, createHash(hash).update(clientKey).digest(), exchange)
  const proof = clientKey.map((byte, index) => byte ^ signature[index])
  const serverFinal = await step(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`)
  const { v: verifier = '', e: refusal } = attributesOf(serverFinal)
  if (refusal !== undefined) throw new HoldfastError('SASL_AUTHENTICATION_FAILED', `The broker refused: ${refusal}.`)
  const expected = hmac(hash, hmac(hash, salted, 'Server Key'), exchange)
  const given = Buffer.from(verifier, 'base64')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw distrusted('it does not know the password either')
  }
}

function attributesOf(message: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
}

function hmac(hash: ScramHash, key: Uint8Array, text: string): Buffer {
  return createHmac(hash, key).update(text).digest()
}

function distrusted(why: string): HoldfastError {
  return new HoldfastError('SASL_AUTHENTICATION_FAILED', `The broker is not trusted with this login: ${why}.`)
}
