/**
 * The floor of a broker: frames from a socket to the disk, and nothing else. Takes length-prefixed frames, computes the
 * CRC-32C of each, puts all that wait into one `writev`, and answers each frame when its bytes are durable (D2), or
 * written (D1).
 */

import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { FrameSplitter } from '../frame-splitter.js'
import type { Contender, Options } from '../harness/contender.js'
import { RawLoop } from '../raw-loop.js'

interface ProbeOptions {
  readonly directory: string
  readonly dsync: boolean
  /** Zero-filled ahead, and written round and round; a growing file where absent. */
  readonly fillBytes?: number
}

const { crc32c } = createRequire(import.meta.url)('@node-rs/crc32') as {
  crc32c(bytes: Uint8Array, seed: number): number
}

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as ProbeOptions
  const loop = await RawLoop.open(join(options.directory, 'probe.log'), options)
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    serve(socket, loop)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    info: { port, fillMs: loop.fillMs },
    prepare: async () => (options.fillBytes === undefined ? loop.empty() : undefined),
    block: () => Promise.reject(new Error('a server is measured by its client')),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await loop.close()
    },
  }
}

function serve(socket: Socket, loop: RawLoop): void {
  let pieces: Buffer[] = []
  let crc = 0
  const frames = new FrameSplitter({
    piece(bytes) {
      pieces.push(bytes)
      crc = crc32c(bytes, crc)
    },
    end() {
      const answer = Buffer.allocUnsafe(8)
      answer.writeInt32BE(4, 0)
      answer.writeUInt32BE(crc, 4)
      const written = loop.append(...pieces)
      pieces = []
      crc = 0
      written.then(
        () => socket.write(answer),
        () => socket.destroy(),
      )
    },
  })
  socket.on('data', (chunk) => frames.push(chunk as Buffer))
  socket.on('error', () => socket.destroy())
}
