/** Ports of loopback that nobody listens on. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

async function listen(port = 0): Promise<Server> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
}

/** All at the same time, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen()))
  const ports = servers.map(portOf)
  await closeAll(servers)
  return ports
}

const tries = 50

/** One, and the port `below` under it, for a server that takes both. */
export async function freePortWithAnother(below: number): Promise<number> {
  for (let i = 0; i < tries; i++) {
    const upper = await listen()
    const port = portOf(upper)
    const lower = await listen(port - below).catch(() => undefined)
    await closeAll(lower === undefined ? [upper] : [upper, lower])
    if (lower !== undefined) return port
  }
  throw new Error(`In ${tries} tries there was no free port with another ${below} below it`)
}
