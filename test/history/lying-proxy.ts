/** Stands between clients and a broker and lies to them in one way, so that the checker can be seen to catch it. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Produce requests answered by an older answer and never stored, or offset commits that an older one takes the place of. */
export type Lie = 'acknowledges-unstored' | 'commits-an-older-offset'

const produce = 0
const offsetCommit = 8
/** Every so many-th request of the kind is lied about. */
const every = 5

export interface LyingProxy {
  readonly address: string
  close(): void
}

/** Whole frames, without their length. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      take(rest.subarray(4, end))
      rest = rest.subarray(end)
    }
  })
}

function write(socket: Socket, frame: Buffer): void {
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.length)
  socket.write(Buffer.concat([length, frame]))
}

export async function startLyingProxy(target: number, lie: Lie): Promise<LyingProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const broker = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => other.destroy())
    }
    if (lie === 'acknowledges-unstored') acknowledgeUnstored(client, broker)
    else commitOlder(client, broker)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function acknowledgeUnstored(client: Socket, broker: Socket): void {
  const asked = new Set<number>()
  let answer: Buffer | undefined
  let count = 0
  onFrames(client, (frame) => {
    const correlation = frame.readInt32BE(4)
    const isProduce = frame.readInt16BE(0) === produce
    if (isProduce && ++count % every === 0 && answer !== undefined) {
      const lied = Buffer.from(answer)
      lied.writeInt32BE(correlation, 0)
      return write(client, lied)
    }
    if (isProduce) asked.add(correlation)
    write(broker, frame)
  })
  onFrames(broker, (frame) => {
    if (asked.delete(frame.readInt32BE(0))) answer = Buffer.from(frame)
    write(client, frame)
  })
}

function commitOlder(client: Socket, broker: Socket): void {
  let older: Buffer | undefined
  onFrames(client, (frame) => {
    if (frame.readInt16BE(0) !== offsetCommit) return write(broker, frame)
    older ??= Buffer.from(frame)
    const sent = Buffer.from(older)
    sent.writeInt32BE(frame.readInt32BE(4), 4)
    write(broker, sent)
  })
  onFrames(broker, (frame) => write(client, frame))
}
