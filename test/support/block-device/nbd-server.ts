/**
 * Serves a disk by the NBD protocol (fixed newstyle handshake, simple replies) on a Unix socket, one client at a time.
 * The protocol: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */

import { createServer, type Server, type Socket } from 'node:net'

export interface BlockDevice {
  readonly sizeInBytes: number
  read(length: number, offset: number): Uint8Array
  write(bytes: Buffer, offset: number, fua: boolean): void
  zero(length: number, offset: number, fua: boolean): void
  flush(): void
}

const magic = { greeting: 'NBDMAGIC', option: 'IHAVEOPT', request: 0x25609513, reply: 0x67446698 }
const optionReplyMagic = 0x0003e889045565a9n
const handshakeFlags = { fixedNewstyle: 1, noZeroes: 2 }
const option = { exportName: 1, abort: 2, info: 6, go: 7 }
const optionReply = { ack: 1, info: 3, unsupported: 0x80000001 }
/** HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES: a disk with a cache that is lost with the power. */
const deviceFlags = 1 | 4 | 8 | 32 | 64
const command = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4, writeZeroes: 6 }
const invalidArgument = 22
const requestBytes = 28

export async function serveNbd(device: BlockDevice, socketPath: string): Promise<Server> {
  const server = createServer((socket) => void new Session(device, socket))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
  return server
}

class Session {
  readonly #device: BlockDevice
  readonly #socket: Socket
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** Takes what it can of the bytes that have come; how many it took. */
  #step: (bytes: Buffer) => number
  #noZeroes = false

  constructor(device: BlockDevice, socket: Socket) {
    this.#device = device
    this.#socket = socket
    this.#step = (bytes) => this.#clientFlags(bytes)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    const flags = Buffer.alloc(2)
    flags.writeUInt16BE(handshakeFlags.fixedNewstyle | handshakeFlags.noZeroes)
    socket.write(Buffer.concat([Buffer.from(magic.greeting + magic.option), flags]))
  }

  #received(chunk: Buffer): void {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes < this.#wanted) return
    let bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending)
    for (;;) {
      this.#wanted = 0
      const taken = this.#step(bytes)
      if (taken === 0) break
      bytes = bytes.subarray(taken)
    }
    this.#pending = bytes.length === 0 ? [] : [bytes]
    this.#pendingBytes = bytes.length
  }

  /** So many bytes are needed before another step is worth trying. */
  #wanted = 0

  #needs(bytes: Buffer, length: number): boolean {
    if (bytes.length >= length) return false
    this.#wanted = length
    return true
  }

  #clientFlags(bytes: Buffer): number {
    if (this.#needs(bytes, 4)) return 0
    this.#noZeroes = (bytes.readUInt32BE(0) & handshakeFlags.noZeroes) !== 0
    this.#step = (more) => this.#option(more)
    return 4
  }

  #option(bytes: Buffer): number {
    if (this.#needs(bytes, 16)) return 0
    const kind = bytes.readUInt32BE(8)
    const length = bytes.readUInt32BE(12)
    if (this.#needs(bytes, 16 + length)) return 0
    if (bytes.toString('latin1', 0, 8) !== magic.option) this.#socket.destroy()
    else if (kind === option.exportName) this.#begin(this.#exportFacts(this.#noZeroes ? 0 : 124))
    else if (kind === option.info || kind === option.go) this.#describe(kind)
    else if (kind === option.abort) this.#socket.end(optionAnswer(kind, optionReply.ack))
    else this.#socket.write(optionAnswer(kind, optionReply.unsupported))
    return 16 + length
  }

  #describe(kind: number): void {
    const facts = Buffer.concat([Buffer.alloc(2), this.#exportFacts(0)])
    this.#socket.write(optionAnswer(kind, optionReply.info, facts))
    const ack = optionAnswer(kind, optionReply.ack)
    if (kind === option.go) this.#begin(ack)
    else this.#socket.write(ack)
  }

  #exportFacts(padding: number): Buffer {
    const facts = Buffer.alloc(10 + padding)
    facts.writeBigUInt64BE(BigInt(this.#device.sizeInBytes), 0)
    facts.writeUInt16BE(deviceFlags, 8)
    return facts
  }

  #begin(lastWords: Buffer): void {
    this.#socket.write(lastWords)
    this.#step = (bytes) => this.#request(bytes)
  }

  #request(bytes: Buffer): number {
    if (this.#needs(bytes, requestBytes)) return 0
    if (bytes.readUInt32BE(0) !== magic.request) {
      this.#socket.destroy()
      return bytes.length
    }
    const fua = (bytes.readUInt16BE(4) & 1) !== 0
    const kind = bytes.readUInt16BE(6)
    const cookie = bytes.subarray(8, 16)
    const offset = Number(bytes.readBigUInt64BE(16))
    const length = bytes.readUInt32BE(24)
    const taken = requestBytes + (kind === command.write ? length : 0)
    if (this.#needs(bytes, taken)) return 0
    if (kind === command.disconnect) this.#socket.end()
    else if (offset + length > this.#device.sizeInBytes) this.#reply(cookie, invalidArgument)
    else if (kind === command.read) this.#reply(cookie, 0, this.#device.read(length, offset))
    else this.#reply(cookie, this.#change(kind, bytes.subarray(requestBytes, taken), offset, length, fua))
    return taken
  }

  /** The number of an error, or 0. */
  #change(kind: number, payload: Buffer, offset: number, length: number, fua: boolean): number {
    const device = this.#device
    if (kind === command.write) device.write(payload, offset, fua)
    else if (kind === command.flush) device.flush()
    else if (kind === command.trim || kind === command.writeZeroes) device.zero(length, offset, fua)
    else return invalidArgument
    return 0
  }

  #reply(cookie: Buffer, error: number, data?: Uint8Array): void {
    const head = Buffer.alloc(16)
    head.writeUInt32BE(magic.reply, 0)
    head.writeUInt32BE(error, 4)
    cookie.copy(head, 8)
    this.#socket.write(data === undefined ? head : Buffer.concat([head, data]))
  }
}

function optionAnswer(kind: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20)
  head.writeBigUInt64BE(optionReplyMagic, 0)
  head.writeUInt32BE(kind, 8)
  head.writeUInt32BE(type, 12)
  head.writeUInt32BE(data.length, 16)
  return Buffer.concat([head, data])
}
