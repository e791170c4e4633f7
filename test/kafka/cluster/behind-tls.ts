/** A broker behind TLS, for tests. */

import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer } from 'node:tls'
import { certificate, privateKey } from '../../support/certificate.js'

/** Ends TLS in front of a broker that does not speak it. */
export async function behindTls(t: TestContext, port: number): Promise<number> {
  const server = createServer({ cert: certificate, key: privateKey }, (socket) => {
    const backend = connect(port, '127.0.0.1')
    socket.pipe(backend).pipe(socket)
    socket.on('error', () => backend.destroy())
    backend.on('error', () => socket.destroy())
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as { port: number }).port
}
