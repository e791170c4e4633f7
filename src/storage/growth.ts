/** By how much something grows in an hour, as seen over the last hour, or since the first look where that is shorter. */

const hourMs = 3_600_000
/** Closer looks say nothing more. */
const noteEveryMs = 60_000
/** Over less the figure would jump with each batch. */
const shortestSpanMs = 10_000

interface Note {
  readonly atMs: number
  readonly bytes: number
}

export class Growth {
  #notes: readonly Note[] = []

  /** The growth as of now; undefined while too little time was seen. */
  note(bytes: number, nowMs: number): number | undefined {
    const last = this.#notes.at(-1)
    if (last === undefined || nowMs - last.atMs >= noteEveryMs) this.#notes = [...this.#notes, { atMs: nowMs, bytes }]
    // One that is just older than an hour stays, so that the span is a whole one.
    while (this.#notes.length > 1 && nowMs - this.#notes[1].atMs >= hourMs) this.#notes = this.#notes.slice(1)
    const [first] = this.#notes
    const spanMs = nowMs - first.atMs
    return spanMs < shortestSpanMs ? undefined : ((bytes - first.bytes) / spanMs) * hourMs
  }
}
