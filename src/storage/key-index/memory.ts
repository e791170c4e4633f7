/**
 * What the key indexes of a store may hold in memory together: half of it for entries that are not in a file yet, half
 * for the filters of files. Past the first half the largest table is written to a file; past the second, filters are
 * read from their files, a page a look-up.
 */

export interface TableOwner {
  readonly tableBytes: number
  /** Brings the table to a file; resolves when its memory is free again. Never rejects. */
  writeTable(): Promise<void>
}

export class KeyIndexMemory {
  readonly #limitBytes: number
  readonly #owners = new Set<TableOwner>()
  #tableBytes = 0
  #filterBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get tableBytes(): number {
    return this.#tableBytes
  }

  get filterBytes(): number {
    return this.#filterBytes
  }

  register(owner: TableOwner): void {
    this.#owners.add(owner)
  }

  forget(owner: TableOwner): void {
    this.#owners.delete(owner)
  }

  /** Takes memory for a table, after having made room for it where it must. */
  async takeForTable(bytes: number): Promise<void> {
    while (this.#tableBytes + bytes > this.#limitBytes / 2) {
      const largest = this.#largest()
      // Nothing is left to be written: one batch may need more than all that there is.
      if (largest === undefined) break
      const before = this.#tableBytes
      await largest.writeTable()
      if (this.#tableBytes >= before) break
    }
    this.#tableBytes += bytes
  }

  giveFromTable(bytes: number): void {
    this.#tableBytes -= bytes
  }

  /** Whether a filter of so many bytes may be kept; where it may, it is counted. */
  takeForFilter(bytes: number): boolean {
    if (this.#filterBytes + bytes > this.#limitBytes / 2) return false
    this.#filterBytes += bytes
    return true
  }

  giveFromFilter(bytes: number): void {
    this.#filterBytes -= bytes
  }

  #largest(): TableOwner | undefined {
    let largest: TableOwner | undefined
    for (const owner of this.#owners) {
      if (owner.tableBytes > (largest?.tableBytes ?? 0)) largest = owner
    }
    return largest
  }
}
