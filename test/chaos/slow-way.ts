/**
 * A program between a server and all who connect to it. On demand it delivers late: each connection and direction by
 * itself, piece by piece, so that bytes stay in order within a connection and arrive in any order across them.
 */

import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Dice, dice } from '../crash/seeded.js'

export interface Lateness {
  readonly fromMs: number
  readonly toMs: number
  /** Bytes that are delivered at once at most. */
  readonly pieceBytes: number
  readonly seed: number
}

/** What the program is told; without lateness everything goes through at once. */
export interface SlowWayOrder {
  readonly lateness?: Lateness
}

export interface Way {
  readonly listen: { readonly host: string; readonly port: number }
  readonly to: { readonly host: string; readonly port: number }
}

/** What waits in one direction of one connection; beyond that its sender has to wait. */
const mostWaitingBytes = 1 << 20

export class SlowWays {
  #lateness: Lateness | undefined
  #dice: Dice | undefined
  readonly #servers: Server[] = []

  /** Resolves when all of them listen; with the ports. */
  async open(ways: readonly Way[]): Promise<number[]> {
    const servers = ways.map(({ listen, to }) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#join(near, to))
      this.#servers.push(server)
      return new Promise<number>((resolve, reject) => {
        server.once('error', reject)
        server.listen(listen.port, listen.host, () => {
          const address = server.address()
          resolve(typeof address === 'object' && address !== null ? address.port : listen.port)
        })
      })
    })
    return Promise.all(servers)
  }

  order({ lateness }: SlowWayOrder): void {
    this.#lateness = lateness
    this.#dice = lateness === undefined ? undefined : dice(lateness.seed)
  }

  /** Takes no more connections. */
  close(): void {
    for (const server of this.#servers) server.close()
  }

  #join(near: Socket, to: Way['to']): void {
    const far = connect({ ...to, allowHalfOpen: true, noDelay: true })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      one.on('error', () => other.resetAndDestroy())
      // After an end in order the other side ends too, when it has got what is still on the way.
      one.on('close', () => one.readableEnded || other.destroy())
      this.#carry(one, other)
    }
  }

  #carry(from: Socket, to: Socket): void {
    const waiting: (Buffer | 'end')[] = []
    let bytes = 0
    let isWaiting = false
    const deliver = (piece: Buffer | 'end'): void => {
      if (to.destroyed) return
      if (piece === 'end') to.end()
      else if (!to.write(piece)) {
        from.pause()
        to.once('drain', () => bytes < mostWaitingBytes && from.resume())
      }
    }
    const next = (): void => {
      const piece = waiting.shift()
      isWaiting = piece !== undefined
      if (piece === undefined) return
      const late = this.#lateMs()
      const deliverAndGoOn = (): void => {
        bytes -= piece.length
        deliver(piece)
        if (bytes < mostWaitingBytes && !to.writableNeedDrain) from.resume()
        next()
      }
      if (late === 0) deliverAndGoOn()
      else setTimeout(deliverAndGoOn, late)
    }
    const take = (piece: Buffer | 'end'): void => {
      if (!isWaiting && this.#lateness === undefined) {
        deliver(piece)
        return
      }
      const size = this.#lateness?.pieceBytes ?? piece.length
      if (piece === 'end') waiting.push(piece)
      else for (let i = 0; i < piece.length; i += size) waiting.push(piece.subarray(i, i + size))
      bytes += piece.length
      if (bytes >= mostWaitingBytes) from.pause()
      if (!isWaiting) next()
    }
    from.on('data', take)
    from.on('end', () => take('end'))
  }

  #lateMs(): number {
    return this.#lateness === undefined ? 0 : (this.#dice?.between(this.#lateness.fromMs, this.#lateness.toMs) ?? 0)
  }
}
