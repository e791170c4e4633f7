/** Where the records of a batch lie that stay in it: columns that are used again, one after the other, for every batch. */

const firstCapacity = 1024

export class KeptRecords {
  count = 0
  hasTombstone = false
  /** Of record i: where it begins, where what lies behind its timestamp begins, where it ends; and the timestamp. */
  starts = new Int32Array(firstCapacity)
  rests = new Int32Array(firstCapacity)
  ends = new Int32Array(firstCapacity)
  timestampDeltas = new Float64Array(firstCapacity)

  clear(): void {
    this.count = 0
    this.hasTombstone = false
  }

  add(start: number, rest: number, end: number, timestampDelta: number, isTombstone: boolean): void {
    const index = this.count++
    if (index === this.starts.length) this.#grow()
    this.starts[index] = start
    this.rests[index] = rest
    this.ends[index] = end
    this.timestampDeltas[index] = timestampDelta
    if (isTombstone) this.hasTombstone = true
  }

  #grow(): void {
    const capacity = this.starts.length * 2
    this.starts = grown(this.starts, new Int32Array(capacity))
    this.rests = grown(this.rests, new Int32Array(capacity))
    this.ends = grown(this.ends, new Int32Array(capacity))
    this.timestampDeltas = grown(this.timestampDeltas, new Float64Array(capacity))
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
