/** Whether an address can be listened on, found out by doing so for a moment. */

import { createServer } from 'node:net'

/** False where it is taken, not allowed, or no address of this machine. */
export function isFreeToListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port }, () => server.close(() => resolve(true)))
  })
}
