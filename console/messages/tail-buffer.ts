/** What the live tail keeps: the newest messages up to a bound, and a count of all that it has let go. */

import type { BrowsedMessage } from '../../src/console/api-types.js'

export const tailLength = 300
/** While it is paused; then what comes is let go and counted, so that what is being read stays where it is. */
export const pausedLength = 2000

export class TailBuffer {
  /** Oldest first. */
  private shown: BrowsedMessage[] = []
  private waiting: BrowsedMessage[] = []
  private paused = false
  received = 0
  /** Left out by the broker, which does not wait for a slow reader, or by a long pause. */
  dropped = 0

  add(message: BrowsedMessage): void {
    this.received++
    if (!this.paused) {
      this.shown.push(message)
      // In large steps, so that it costs nothing per message.
      if (this.shown.length > tailLength * 2) this.shown = this.shown.slice(-tailLength)
    } else if (this.waiting.length < pausedLength) this.waiting.push(message)
    else this.dropped++
  }

  drop(count: number): void {
    this.dropped += count
  }

  pause(): void {
    this.paused = true
  }

  /** What waited follows what is shown. */
  resume(): void {
    this.paused = false
    this.shown = [...this.shown, ...this.waiting].slice(-tailLength)
    this.waiting = []
  }

  clear(): void {
    this.shown = []
    this.waiting = []
    this.received = 0
    this.dropped = 0
  }

  /** Newest first. */
  newest(): BrowsedMessage[] {
    return this.shown.slice(-tailLength).reverse()
  }

  get waitingCount(): number {
    return this.waiting.length
  }
}
