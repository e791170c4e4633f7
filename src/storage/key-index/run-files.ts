/**
 * The files of one partition's index: which of them are believed at the start, how one is added, how many become one,
 * and when one goes. The oldest comes first, each begins where the one before it ends.
 */

import { basename, join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { BatchKeys } from './batch-keys.js'
import { type Owner, parseRunFileName, runFileName } from './format.js'
import { type Hash, hashInto } from './hash.js'
import { mergeRuns, runsToMerge } from './merging.js'
import type { KeyIndexOptions } from './options.js'
import { DamagedRun, Run, type RunTools } from './run.js'
import { asideSuffix, writeTableTo } from './run-writer.js'
import type { KeyTable } from './table.js'
import { stagingName, thin } from './thinning.js'

export class RunFiles {
  readonly #options: KeyIndexOptions
  readonly #owner: Owner
  readonly #onDamaged: (run: Run) => void
  #runs: readonly Run[] = []
  #merging: Promise<void> | undefined
  /** Files that go as soon as nobody reads them. */
  readonly #going = new Set<Promise<void>>()
  #isClosing = false

  /** `onDamaged` is told of a file that a merge found damaged. */
  constructor(options: KeyIndexOptions, onDamaged: (run: Run) => void) {
    this.#options = options
    const idHeader = Buffer.from(options.idHeader)
    const idHeaderHash: Hash = { hi: 0, lo: 0 }
    hashInto(idHeader, 0, idHeader.length, 'id', idHeaderHash)
    this.#owner = { topicId: options.topicId, idHeaderHash }
    this.#onDamaged = onDamaged
  }

  /** The oldest first. */
  get list(): readonly Run[] {
    return this.#runs
  }

  get entries(): number {
    return this.#runs.reduce((sum, { header }) => sum + header.entries, 0)
  }

  get sizeInBytes(): number {
    return this.#runs.reduce((sum, run) => sum + run.sizeInBytes, 0)
  }

  /**
   * Opens the files that follow each other from the start of the log on, and removes all others: leftovers, those that a
   * merge has replaced, those behind a gap, those that reach beyond the end of the log, and what is no file of this
   * index. Returns where they end, or undefined where there are none.
   */
  async load(logStartOffset: number, logEnd: number): Promise<number | undefined> {
    const { disk, directory, files, maps } = this.#options
    await disk.makeDirectory(directory)
    await disk.remove(join(directory, stagingName))
    const names = ((await disk.list(directory)) ?? []).filter(({ isDirectory }) => !isDirectory).map(({ name }) => name)
    const found = names.flatMap((name) => {
      const range = parseRunFileName(name)
      return range === undefined ? [] : [{ name, ...range }]
    })
    // Of those that could come next the one that reaches farthest was merged from the others.
    found.sort((one, other) => other.to - one.to || other.generation - one.generation)
    const kept: Run[] = []
    const next = async (): Promise<Run | undefined> => {
      const end = kept.at(-1)?.to
      for (const { name, from, to } of found) {
        const follows = end === undefined ? from <= logStartOffset && to > logStartOffset : from === end && to > end
        const run =
          follows && to <= logEnd ? await Run.open(join(directory, name), { from, to }, this.#tools) : undefined
        if (run !== undefined) return run
      }
      return undefined
    }
    for (let run = await next(); run !== undefined; run = await next()) kept.push(run)
    const keptPaths = new Set(kept.map(({ path }) => path))
    for (const name of names) {
      const path = join(directory, name)
      const isOurs = parseRunFileName(name) !== undefined || name.endsWith(asideSuffix)
      if (!isOurs || keptPaths.has(path)) continue
      maps.drop(path)
      await files.drop(path)
      await disk.remove(path)
    }
    this.#runs = kept
    this.#mergeLater()
    return kept.at(-1)?.to
  }

  /**
   * Adds a file of what is in `table`, which covers the log up to `to`. `take` is called in the moment in which the file
   * takes the table's place; where it says no, the file is removed again.
   */
  async add(table: KeyTable, to: number, take: () => boolean): Promise<void> {
    const { disk, directory } = this.#options
    const path = join(directory, runFileName(table.from, to))
    await this.#namesAreFree()
    await writeTableTo(disk, path, table, to, this.#owner, () => this.#turn())
    const run = await this.#openWritten(path, table.from, to)
    if (!take()) return this.#remove(run)
    this.#runs = [...this.#runs, run]
    this.#mergeLater()
  }

  /** Drops a file and all behind it; false where it was dropped, or replaced, before. */
  forgetFrom(damaged: Run): boolean {
    const index = this.#runs.indexOf(damaged)
    if (index === -1) return false
    const dropped = this.#runs.slice(index)
    this.#runs = this.#runs.slice(0, index)
    for (const run of dropped.reverse()) this.#removeLater(run)
    return true
  }

  /** Removes the files that cover nothing at `offset` or behind it. */
  async dropBefore(offset: number): Promise<void> {
    const first = this.#runs.findIndex(({ to }) => to > offset)
    const count = first === -1 ? this.#runs.length : first
    if (count === 0) return
    const dropped = this.#runs.slice(0, count)
    this.#runs = this.#runs.slice(count)
    for (const run of dropped) this.#removeLater(run)
    await this.#namesAreFree()
  }

  /** Makes one new file of those that compaction has been over, from what it has left in the log. */
  async thin(cleanedUpTo: number, keys: BatchKeys): Promise<void> {
    while (this.#merging !== undefined) await this.#merging
    if (this.#isClosing) return
    this.#merging = this.#options.merging
      .run(() => this.#thin(cleanedUpTo, keys))
      .catch((error: unknown) => this.#mergeFailed(error))
      .then(() => {
        this.#merging = undefined
        this.#mergeLater()
      })
    await this.#merging
  }

  async #thin(cleanedUpTo: number, keys: BatchKeys): Promise<void> {
    const { log, directory } = this.#options
    const inputs = this.#runs.filter(({ to }) => to <= cleanedUpTo)
    const to = inputs.at(-1)?.to ?? 0
    const from = Math.max(inputs[0]?.from ?? 0, log.logStartOffset)
    if (from >= to) return
    const generation = Math.max(...inputs.map(({ path }) => parseRunFileName(basename(path))?.generation ?? 0)) + 1
    const path = join(directory, runFileName(from, to, generation))
    const turn = () => this.#turnUnlessClosing()
    await thin(this.#options, { from, to, path, owner: this.#owner, keys, tools: this.#tools, turn })
    await this.#replace(inputs, await this.#openWritten(path, from, to))
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#merging
    await this.#namesAreFree()
    for (const run of this.#runs) await run.dispose()
    this.#runs = []
  }

  #mergeLater(): void {
    if (this.#isClosing || this.#merging !== undefined || runsToMerge(this.#runs) === 0) return
    this.#merging = this.#options.merging
      .run(() => this.#merge())
      .then(
        () => true,
        (error: unknown) => {
          this.#mergeFailed(error)
          return false
        },
      )
      .then((succeeded) => {
        this.#merging = undefined
        if (succeeded) this.#mergeLater()
      })
  }

  #mergeFailed(err: unknown): void {
    if (this.#isClosing) return
    if (err instanceof DamagedRun) this.#onDamaged(err.run)
    // Nothing is lost by it but speed, and the next file that is added tries again.
    else this.#options.logger.warn({ directory: this.#options.directory, err }, 'Could not merge a key index.')
  }

  async #merge(): Promise<void> {
    const { log, disk, directory } = this.#options
    const count = this.#isClosing ? 0 : runsToMerge(this.#runs)
    if (count === 0) return
    const inputs = this.#runs.slice(-count)
    // What is left out is not covered: should a crash let the log begin earlier again, that shows.
    const from = Math.max(inputs[0].from, log.logStartOffset)
    const to = inputs[count - 1].to
    if (from >= to) return this.dropBefore(from)
    const path = join(directory, runFileName(from, to))
    await this.#namesAreFree()
    for (const run of inputs) run.retain()
    try {
      await mergeRuns(inputs, { disk, path, owner: this.#owner, from }, () => this.#turnUnlessClosing())
    } finally {
      for (const run of inputs) run.release()
    }
    await this.#replace(inputs, await this.#openWritten(path, from, to))
  }

  /** Puts one file in the place of those that it was made from. */
  async #replace(inputs: readonly Run[], run: Run): Promise<void> {
    const first = this.#runs.indexOf(inputs[0])
    // The oldest may be below the start of the log by now, and all may have been forgotten.
    if (!inputs.every((each, i) => this.#runs[first + i] === each)) return this.#remove(run)
    this.#runs = [...this.#runs.slice(0, first), run, ...this.#runs.slice(first + inputs.length)]
    for (const each of inputs) this.#removeLater(each)
  }

  get #tools(): RunTools {
    const { files, maps, memory } = this.#options
    return { files, maps, memory, owner: this.#owner }
  }

  async #openWritten(path: string, from: number, to: number): Promise<Run> {
    const run = await Run.open(path, { from, to }, this.#tools)
    if (run === undefined) throw new HoldfastError('DISK_FAILED', `${path} does not hold what was written.`)
    return run
  }

  /** A file that is built again may get the name of one that is still being read, and is removed after that. */
  async #namesAreFree(): Promise<void> {
    await Promise.all(this.#going)
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.soon(resolve))
  }

  async #turnUnlessClosing(): Promise<void> {
    await this.#turn()
    if (this.#isClosing) throw new HoldfastError('CLOSED', 'The key index is closed.')
  }

  #removeLater(run: Run): void {
    const going = this.#remove(run)
      // The next opening clears it away.
      .catch((err: unknown) => this.#options.logger.warn({ path: run.path, err }, 'Could not remove an index file.'))
      .finally(() => this.#going.delete(going))
    this.#going.add(going)
  }

  async #remove(run: Run): Promise<void> {
    await run.dispose()
    await this.#options.disk.remove(run.path)
  }
}
