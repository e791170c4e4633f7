/** What goes a slow way comes late, in pieces and out of order across connections, and whole and in order within each. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { SlowWays } from './slow-way.js'

const host = '127.0.0.1'

async function echoing() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.pipe(socket)
  }).listen(0, host)
  await once(server, 'listening')
  return { server, sockets, port: (server.address() as AddressInfo).port }
}

test('bytes stay whole and in order on each connection, while pieces of one arrive among those of another', async () => {
  const { server, port } = await echoing()
  const ways = new SlowWays()
  const [near] = await ways.open([{ listen: { host, port: 0 }, to: { host, port } }])
  ways.order({ lateness: { fromMs: 0, toMs: 3, pieceBytes: 700, seed: 1 } })
  const sent = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 256))
  const arrivals: number[] = []
  const got = await Promise.all(
    [0, 1, 2].map(async (name) => {
      const socket = connect(near, host)
      const chunks: Buffer[] = []
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        arrivals.push(name)
      })
      socket.end(sent)
      await once(socket, 'end')
      return Buffer.concat(chunks)
    }),
  )
  for (const bytes of got) assert.ok(bytes.equals(sent))
  const changes = arrivals.filter((name, i) => i > 0 && name !== arrivals[i - 1]).length
  assert.ok(changes > 10, `the connections took turns ${changes} times`)
  ways.order({})
  const quick = connect(near, host)
  quick.write('x')
  assert.equal(String((await once(quick, 'data'))[0]), 'x')
  quick.destroy()
  server.close()
  ways.close()
})

test('a server that breaks the connection breaks it for its client, and one that is gone refuses it', async () => {
  const { server, sockets, port } = await echoing()
  const ways = new SlowWays()
  const [near] = await ways.open([{ listen: { host, port: 0 }, to: { host, port } }])
  const client = connect(near, host)
  client.write('x')
  await once(client, 'data')
  client.on('error', () => {})
  const closed = new Promise((resolve) => client.once('close', resolve))
  for (const socket of sockets) socket.resetAndDestroy()
  await closed
  server.close()
  await once(server, 'close')
  const refused = connect(near, host)
  refused.on('error', () => {})
  if (!refused.destroyed) await new Promise((resolve) => refused.once('close', resolve))
  ways.close()
})
