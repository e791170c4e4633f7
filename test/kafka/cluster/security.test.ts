/** TLS and SASL of a client: against a real broker behind TLS, the vectors of RFC 7677, and servers that cannot be trusted. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open } from '../../../src/index.js'
import { logIn, type Sasl } from '../../../src/kafka/sasl/log-in.js'
import { proveByScram } from '../../../src/kafka/sasl/scram.js'
import type { WireClient } from '../../../src/kafka/wire-client.js'
import { certificate } from '../../support/certificate.js'
import { serve } from '../server/served.js'
import { behindTls } from './behind-tls.js'

test('a broker behind TLS, trusted, not trusted, and spoken to in the clear', async (t) => {
  const { server } = await serve(t)
  const port = await behindTls(t, server.port)
  {
    await using mq = await open(`kafka://127.0.0.1:${port}`, { tls: { ca: certificate } })
    await mq.topics.create('orders')
    await mq.send('orders', { value: 'through TLS' })
    assert.equal((await mq.read('orders'))[0].text(), 'through TLS')
  }
  const distrusted = open(`kafka://127.0.0.1:${port}`, { tls: true })
  await assert.rejects(distrusted, { code: 'CONNECTION_FAILED', message: /self.signed/ })
  await assert.rejects(open(`kafka://127.0.0.1:${port}`, { retryMs: 0 }), { code: 'CONNECTION_FAILED' })
})

test('a broker that knows no SASL refuses it', async (t) => {
  const { address } = await serve(t)
  const sasl: Sasl = { mechanism: 'PLAIN', username: 'u', password: 'p' }
  await assert.rejects(open(`kafka://${address}`, { sasl }), { code: 'UNSUPPORTED_VERSION', message: /SaslHandshake/ })
})

const user = { username: 'user', password: 'pencil' }
const nonce = 'rOprNGfwEbeRWgbNEkqO'
const both = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
const serverFirst = `r=${both},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`
const serverFinal = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='

async function exchange(first: string, final: string): Promise<string[]> {
  const said: string[] = []
  await proveByScram('sha256', user, nonce, async (message) => {
    said.push(message)
    return said.length === 1 ? first : final
  })
  return said
}

test('SCRAM-SHA-256 as RFC 7677 has it', async () => {
  assert.deepEqual(await exchange(serverFirst, serverFinal), [
    `n,,n=user,r=${nonce}`,
    `c=biws,r=${both},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  ])
})

test('a server that does not know the password, or wants to learn it, is not trusted', async () => {
  const code = { code: 'SASL_AUTHENTICATION_FAILED' }
  await assert.rejects(exchange(serverFirst, 'v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='), code)
  await assert.rejects(exchange(serverFirst, 'v='), code)
  await assert.rejects(exchange(serverFirst, 'e=invalid-proof'), { ...code, message: /invalid-proof/ })
  await assert.rejects(exchange(serverFirst.replace('4096', '1'), serverFinal), { ...code, message: /1 iterations/ })
  await assert.rejects(exchange(serverFirst.replace(nonce, 'another'), serverFinal), code)
  await assert.rejects(exchange(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, serverFinal), code)
})

/** A broker's answers, one after the other. */
function answering(...answers: readonly object[]): Pick<WireClient, 'send'> {
  const left = [...answers]
  return { send: async () => left.shift() as never }
}

test('what a broker refuses a login with', async () => {
  const sasl: Sasl = { mechanism: 'PLAIN', username: 'u', password: 'p' }
  const unknown = answering({ errorCode: 33, mechanisms: ['SCRAM-SHA-512'] })
  await assert.rejects(logIn(unknown, sasl), { code: 'UNSUPPORTED_SASL_MECHANISM', message: /it knows SCRAM-SHA-512/ })
  const wrong = answering({ errorCode: 0, mechanisms: [] }, { errorCode: 58, errorMessage: 'bad credentials' })
  await assert.rejects(logIn(wrong, sasl), {
    code: 'SASL_AUTHENTICATION_FAILED',
    message: /u is refused: bad credentials/,
  })
  const right = answering(
    { errorCode: 0, mechanisms: [] },
    { errorCode: 0, authBytes: Buffer.alloc(0), sessionLifetimeMs: 1000 },
  )
  assert.equal(await logIn(right, sasl), 900)
})
