/**
 * The floor of serving reads: a socket server that answers each request with the next piece of a mapped file, given to
 * `socket.write` as it is. Requests and answers have their length in front, as Kafka's; what a request says is not read.
 */

import { randomFillSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { FrameSplitter } from '../frame-splitter.js'
import type { Contender, Options } from '../harness/contender.js'
import { mapFile } from '../mapped-file.js'

const writtenAtOnce = 64 << 20

export async function start(given: Options): Promise<Contender> {
  const { directory, totalBytes, pieceBytes } = given as { directory: string; totalBytes: number; pieceBytes: number }
  const path = join(directory, 'raw')
  const random = randomFillSync(Buffer.alloc(writtenAtOnce))
  for (let written = 0; written < totalBytes; written += random.length) writeFileSync(path, random, { flag: 'a' })
  const mapped = mapFile(path)
  const pieces = Math.floor(mapped.length / pieceBytes)
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + pieceBytes, 0)
  const server = createServer({ noDelay: true }, (socket) => {
    let next = 0
    const frames = new FrameSplitter(() => {
      const at = (next++ % pieces) * pieceBytes
      socket.cork()
      socket.write(head)
      socket.write(mapped.subarray(at, at + pieceBytes))
      socket.uncork()
    })
    socket.on('data', (chunk) => frames.push(chunk as Buffer))
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    info: { port },
    block: () => Promise.reject(new Error('a server is measured by its client')),
    close: async () => void server.close(),
  }
}
