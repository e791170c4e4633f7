/**
 * The way of answers into a socket: all of one turn of the event loop leave in one writev, uncopied, and what an answer
 * has borrowed is given back when its last byte has left.
 *
 * That moment is the callback of the last chunk's write. Node calls it once for each write, whatever happens: after the
 * kernel took the bytes; with an error for what still waited in the stream when it was destroyed, and which nobody had
 * been handed; and for a write that the kernel had in part, only after libuv closed the handle and cancelled the rest.
 */

import type { Socket } from 'node:net'
import type { AnswerHolder } from './answer-budget.js'
import type { Loans } from './loans.js'

/** Borrowed bytes that may wait in a socket before no more are begun: they take no memory, but keep their files. */
const mostLentBytes = 4 * 1024 * 1024

export class Outgoing implements AnswerHolder {
  readonly #socket: Socket
  readonly #onLentLeft: () => void
  #lentBytes = 0
  #isCorked = false

  /** `onLentLeft` is called when an answer with borrowed records has left: there may be room for another one. */
  constructor(socket: Socket, onLentLeft: () => void) {
    this.#socket = socket
    this.#onLentLeft = onLentLeft
  }

  /** Whether what waits to leave is enough. While the kernel takes one borrowed answer the next may be prepared. */
  get isFull(): boolean {
    const { writableNeedDrain, writableLength, writableHighWaterMark } = this.#socket
    if (!writableNeedDrain) return false
    return writableLength - this.#lentBytes > writableHighWaterMark || this.#lentBytes >= mostLentBytes
  }

  /** What the kernel has not taken, also of a chunk that it has in part, where the socket's handle tells that. */
  get unsentBytes(): number {
    const { _handle: handle } = this.#socket as { _handle?: { writeQueueSize?: unknown } | null }
    const queued = handle?.writeQueueSize
    return typeof queued === 'number' ? queued : this.#socket.writableLength
  }

  get client(): string | undefined {
    return this.#socket.remoteAddress
  }

  endStalled(): void {
    this.#socket.destroy()
  }

  /** Hands over a whole answer, of one chunk at least. Where the socket takes no more, nothing leaves. */
  write(chunks: readonly Buffer[], loans: Loans): void {
    const socket = this.#socket
    if (!socket.writable) {
      loans.giveBack()
      return
    }
    this.#cork()
    const last = chunks.length - 1
    for (let at = 0; at < last; at++) socket.write(chunks[at])
    if (loans.isEmpty) socket.write(chunks[last])
    else this.#writeLast(chunks, loans)
  }

  #writeLast(chunks: readonly Buffer[], loans: Loans): void {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    this.#lentBytes += bytes
    this.#socket.write(chunks[chunks.length - 1], () => {
      this.#lentBytes -= bytes
      loans.giveBack()
      this.#onLentLeft()
    })
  }

  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#isCorked = false
      this.#socket.uncork()
    })
  }
}
