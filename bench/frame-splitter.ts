/**
 * Finds the frames (a 4-byte length, then so many bytes) in a stream without keeping or copying them: the least that a
 * peer of a length-prefixed protocol has to do.
 */

const lengthBytes = 4

export interface FrameListener {
  /** A piece of the payload of the frame that is being read. The bytes may be kept only where the source lets them. */
  piece?(bytes: Buffer): void
  /** The frame is complete; its payload had so many bytes. */
  end(payloadBytes: number): void
}

export class FrameSplitter {
  readonly #listener: FrameListener
  #length = 0
  #lengthBytesSeen = 0
  #left = 0

  constructor(listener: FrameListener | FrameListener['end']) {
    this.#listener = typeof listener === 'function' ? { end: listener } : listener
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#lengthBytesSeen < lengthBytes) {
        this.#length = (this.#length << 8) | chunk[at++]
        if (++this.#lengthBytesSeen < lengthBytes) continue
        this.#left = this.#length
      } else {
        const taken = Math.min(this.#left, chunk.length - at)
        this.#listener.piece?.(chunk.subarray(at, at + taken))
        this.#left -= taken
        at += taken
      }
      if (this.#left > 0) continue
      const payloadBytes = this.#length
      this.#length = 0
      this.#lengthBytesSeen = 0
      this.#listener.end(payloadBytes)
    }
  }
}
