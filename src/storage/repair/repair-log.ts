/**
 * What a repair does to the files of one log. Headers that are wrong are put right, a torn tail is cut, and where messages
 * are lost the operator has chosen: the log ends before them, or goes on behind them with a hole. What is taken out goes
 * into quarantine first. Then the indexes and snapshots that were wrong, or lie behind a change, are made anew.
 */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { batchAt } from '../../records/batch.js'
import type { PartitionFacts } from '../inspect/check-partition.js'
import type { DamagedRange, SegmentFacts } from '../inspect/check-segment.js'
import type { Finding, FindingCode } from '../inspect/findings.js'
import { kindOfName } from '../inspect/names.js'
import { withFile } from '../inspect/open-file.js'
import { segmentFileName, suffix } from '../segments/format.js'
import { rebuild } from './rebuild.js'
import type { RepairStep, RepairTools } from './step.js'

/** How a log is after the repair of its files. */
export interface RepairedLog {
  readonly facts: PartitionFacts
  readonly steps: readonly RepairStep[]
  /** Where it ends then. */
  readonly endOffset: number
  /** The file offset at which its first segment begins; undefined where none is left. */
  readonly firstBase: number | undefined
  /** Its start is where the first segment begins, since what was before is lost. */
  readonly acceptsStart: boolean
  /** The end is what was found, since what was behind is lost. */
  readonly acceptsEnd: boolean
  /** Somebody has to choose first: what is known of its end stays as it is. */
  readonly isUndecided: boolean
  /** Offsets are missing in its middle from now on. */
  readonly hasHole: boolean
}

const indexCodes: readonly FindingCode[] = ['index-missing', 'index-wrong']
const transactionCodes: readonly FindingCode[] = ['transactions-missing', 'transactions-wrong']

export class LogRepair {
  readonly #facts: PartitionFacts
  readonly #findings: readonly Finding[]
  readonly #tools: RepairTools
  readonly #steps: RepairStep[] = []
  readonly #kept: SegmentFacts[] = []
  /** The first segment that is changed; what is known of producers from there on has to be found out anew. */
  #changedFrom = Number.POSITIVE_INFINITY
  readonly #changed = new Set<number>()
  #endOffset: number
  #hasHole = false
  #acceptsStart = false
  #acceptsEnd = false

  /** @param findings those whose paths lie in the partition directory, and those on the directory itself */
  constructor(facts: PartitionFacts, findings: readonly Finding[], tools: RepairTools) {
    this.#facts = facts
    this.#findings = findings
    this.#tools = tools
    this.#endOffset = facts.endOffset
  }

  async plan(): Promise<RepairedLog> {
    const { segments } = this.#facts
    for (const [i, segment] of segments.entries()) {
      this.#kept.push(segment)
      const goesOn = (await this.#planSegment(segment, segments[i + 1])) && this.#planBorder(segment, segments[i + 1])
      if (!goesOn) {
        this.#setAside(segments.slice(i + 1))
        break
      }
    }
    this.#planEnds()
    const isUndecided = this.#steps.some(({ kind }) => kind === 'choose')
    if (!isUndecided) this.#planDerived()
    const firstBase = this.#kept[0]?.baseOffset
    const { facts } = this
    return {
      facts,
      steps: this.#steps,
      endOffset: this.#endOffset,
      firstBase,
      acceptsStart: this.#acceptsStart,
      acceptsEnd: this.#acceptsEnd,
      isUndecided,
      hasHole: this.#hasHole,
    }
  }

  get facts(): PartitionFacts {
    return this.#facts
  }

  /** False where the log ends in the segment from now on. */
  async #planSegment(segment: SegmentFacts, next: SegmentFacts | undefined): Promise<boolean> {
    const unreadable = await this.#rangesOfWrongRecords(segment)
    const lost = [...segment.damage.filter(({ mended }) => mended === undefined), ...unreadable]
    for (const range of segment.damage) if (range.mended !== undefined) this.#mendHeader(segment, range, range.mended)
    await this.#stampEpochs(segment)
    lost.sort((a, b) => a.from - b.from)
    if (lost.length > 0) return this.#planLost(segment, lost, next)
    if (this.#has('zero-tail', segment.path, 'warning'))
      this.#cutBytes(segment, segment.contentBytes, segment.fileBytes)
    return true
  }

  #planLost(segment: SegmentFacts, lost: readonly DamagedRange[], next: SegmentFacts | undefined): boolean {
    const [first] = lost
    const isTail = first.nextOffset === undefined && next === undefined
    if (isTail && this.#has('torn-tail', segment.path)) {
      this.#cutBytes(segment, first.from, segment.fileBytes)
      return true
    }
    const { choice } = this.#tools
    if (choice === undefined) {
      const loss = isTail
        ? `the bytes from ${first.from} on are lost, and the log would end at offset ${first.offset}`
        : `--cut ends the log at offset ${first.offset} and sets aside what lies behind; --skip takes out ${lost.length} damaged places and goes on behind them`
      this.#steps.push({ kind: 'choose', path: segment.path, what: `${isTail ? 'say --cut: ' : ''}${loss}` })
      return true
    }
    if (choice === 'cut' || isTail) {
      this.#cutBytes(segment, first.from, segment.fileBytes)
      this.#endOffset = first.offset
      this.#acceptsEnd = true
      return false
    }
    this.#takeOut(segment, lost)
    return true
  }

  /** Between two segments. */
  #planBorder(segment: SegmentFacts, next: SegmentFacts | undefined): boolean {
    if (next === undefined) return true
    const overlaps = segment.nextOffset > next.baseOffset
    const lacks = segment.nextOffset < next.baseOffset && this.#has('offsets-missing', segment.path)
    if (!overlaps && !lacks) return true
    const { choice } = this.#tools
    if (choice === 'cut') {
      this.#change(segment)
      this.#endOffset = segment.nextOffset
      this.#acceptsEnd = true
      return false
    }
    if (choice === 'skip' && lacks) {
      this.#hasHole = true
      const what = `accept that offsets ${segment.nextOffset} to ${next.baseOffset - 1} are missing`
      this.#steps.push({ kind: 'do', path: this.#facts.directory, what, run: async () => {} })
      return true
    }
    const why = overlaps
      ? 'later segments repeat its offsets'
      : `offsets ${segment.nextOffset} to ${next.baseOffset - 1} are missing`
    const how = overlaps ? '--cut sets the later ones aside' : '--cut ends the log there, --skip goes on behind them'
    this.#steps.push({ kind: 'choose', path: segment.path, what: `${why}: ${how}` })
    return true
  }

  #planEnds(): void {
    const { choice } = this.#tools
    const { directory } = this.#facts
    if (this.#has('start-missing', directory)) {
      if (choice === 'skip') {
        this.#acceptsStart = true
        const what = `accept that the log begins at offset ${this.#kept[0]?.baseOffset ?? this.#endOffset}`
        this.#steps.push({ kind: 'do', path: directory, what, run: async () => {} })
      } else
        this.#steps.push({
          kind: 'choose',
          path: directory,
          what: 'say --skip: the log begins where its first segment does',
        })
    }
    const ended = this.#findings.find(({ code }) => code === 'end-missing')
    if (ended === undefined) return
    if (choice !== undefined) {
      this.#acceptsEnd = true
      this.#steps.push({
        kind: 'do',
        path: ended.path,
        what: `accept that the log ends at offset ${this.#endOffset}`,
        run: async () => {},
      })
    } else
      this.#steps.push({
        kind: 'choose',
        path: ended.path,
        what: `say --cut: the log ends at offset ${this.#endOffset}`,
      })
  }

  #mendHeader(segment: SegmentFacts, { from, to, offset }: DamagedRange, header: Buffer): void {
    this.#change(segment)
    this.#do(
      segment.path,
      `put the header of the batch at byte ${from} right (offset ${offset}); its records are whole`,
      async () => {
        await this.#tools.quarantine.keepBytes(segment.path, from, to)
        await this.#write(segment.path, header, from)
      },
    )
  }

  /** Batches whose leader epoch is not the one in force, which lies outside the CRC. */
  async #stampEpochs(segment: SegmentFacts): Promise<void> {
    const { epochs } = this.#facts
    if (epochs === undefined || this.#findings.some(({ code }) => code === 'epochs-wrong')) return
    for (const { path, code, position, offset, what } of this.#findings) {
      const isMended = segment.damage.some(({ from }) => from === position)
      if (path !== segment.path || code !== 'header-damaged' || position === undefined || isMended) continue
      const epoch = epochs.findLast(({ startOffset }) => startOffset <= (offset ?? 0))?.epoch
      if (epoch === undefined) continue
      this.#do(path, `put leader epoch ${epoch} into the batch at byte ${position}: ${what}`, async () => {
        await this.#tools.quarantine.keepBytes(path, position, position + epochField.end)
        const bytes = Buffer.alloc(4)
        bytes.writeInt32BE(epoch)
        await this.#write(path, bytes, position + epochField.start)
      })
    }
  }

  async #rangesOfWrongRecords(segment: SegmentFacts): Promise<DamagedRange[]> {
    const ranges: DamagedRange[] = []
    for (const { path, code, position, what } of this.#findings) {
      if (path !== segment.path || code !== 'records-wrong' || position === undefined) continue
      const batch = await withFile(this.#tools.disk, path, async (file, size) => {
        const bytes = Buffer.alloc(Math.min(size - position, 2 ** 27))
        return batchAt(bytes.subarray(0, await file.read(bytes, position)), 0)
      })
      if (batch === undefined) continue
      const { baseOffset: offset, nextOffset, sizeInBytes } = batch
      ranges.push({ from: position, to: position + sizeInBytes, offset, nextOffset, why: what })
    }
    return ranges
  }

  /** Takes damaged ranges out of a segment: it is written anew without them. */
  #takeOut(segment: SegmentFacts, lost: readonly DamagedRange[]): void {
    this.#change(segment)
    const holes = lost.filter(({ offset, nextOffset }) => nextOffset !== undefined && nextOffset > offset)
    const atEnd = lost.find(({ nextOffset }) => nextOffset === undefined)
    if (holes.length > 0 || atEnd !== undefined) this.#hasHole = true
    const bytes = lost.reduce((sum, { from, to }) => sum + to - from, 0)
    const places = lost.map(({ from, to }) => `${from} to ${to}`).join(', ')
    this.#do(segment.path, `take out ${bytes} damaged bytes (${places}) and go on behind them`, async () => {
      const { quarantine, disk } = this.#tools
      for (const { from, to } of lost) if (to > from) await quarantine.keepBytes(segment.path, from, to)
      await rewriteWithout(disk, this.#facts.directory, segment, lost)
    })
  }

  #cutBytes(segment: SegmentFacts, from: number, to: number): void {
    this.#change(segment)
    this.#do(segment.path, `cut the last ${to - from} bytes, from byte ${from} on`, async () => {
      await this.#tools.quarantine.keepBytes(segment.path, from, to)
      await this.#open(segment.path, (file) => file.truncate(from))
    })
  }

  /** Moves whole segments out of the log, the last one first, so that a crash in between leaves no hole. */
  #setAside(segments: readonly SegmentFacts[]): void {
    for (const { baseOffset, path } of [...segments].reverse()) {
      this.#do(path, 'set the segment aside, with its indexes', async () => {
        const { disk, quarantine } = this.#tools
        const { directory } = this.#facts
        for (const { name } of (await disk.list(directory)) ?? []) {
          if (kindOfName(name).offset === baseOffset) await quarantine.take(join(directory, name))
        }
      })
    }
  }

  #change({ baseOffset }: SegmentFacts): void {
    this.#changed.add(baseOffset)
    this.#changedFrom = Math.min(this.#changedFrom, baseOffset)
  }

  /** What is made anew from the messages: what was found wrong, and what lies behind a change. */
  #planDerived(): void {
    const { directory, request } = this.#facts
    const bases = this.#kept.map(({ baseOffset }) => baseOffset)
    const isKept = new Set(bases)
    const named = (codes: readonly FindingCode[]) =>
      this.#findings
        .filter(({ code }) => codes.includes(code))
        .flatMap(({ path }) => kindOfName(path.slice(directory.length + 1)).offset ?? [])
    const indexes = new Set([...named(indexCodes), ...this.#changed].filter((base) => isKept.has(base)))
    const behind = bases.filter((base) => base >= this.#changedFrom)
    const transactions = new Set([...named(transactionCodes), ...behind].filter((base) => isKept.has(base)))
    const places = new Set([...bases.slice(1), this.#endOffset])
    const wrong = named(['snapshot-wrong', 'snapshot-missing'])
    const mustEnd = request.clean && this.#changedFrom < Number.POSITIVE_INFINITY
    const late = this.#changedFrom < Number.POSITIVE_INFINITY ? bases.filter((base) => base > this.#changedFrom) : []
    const snapshots = new Set(
      [...wrong, ...late, ...(mustEnd ? [this.#endOffset] : [])].filter((offset) => places.has(offset)),
    )
    for (const offset of wrong) if (!places.has(offset)) this.#takeSnapshot(offset)
    if (this.#changedFrom < Number.POSITIVE_INFINITY) this.#takeLaterSnapshots(places)
    if (indexes.size + transactions.size + snapshots.size === 0) return
    const what = `make anew from the log: ${indexes.size} indexes, ${transactions.size} transaction indexes, ${snapshots.size} producer snapshots`
    const { disk, clock, quarantine } = this.#tools
    this.#do(directory, what, () =>
      rebuild(disk, {
        directory,
        bases,
        indexes,
        transactions,
        snapshots,
        indexIntervalBytes: request.indexInterval.bytes,
        firstSnapshotIsSound: !wrong.includes(bases[0]),
        nowMs: clock.now(),
        beforeChange: (path) => quarantine.copy(path),
      }),
    )
  }

  /** Snapshots that were taken inside or behind what changes, and that nobody writes over. */
  #takeLaterSnapshots(places: ReadonlySet<number>): void {
    this.#do(this.#facts.directory, 'set aside producer snapshots that say more than the log holds', async () => {
      const { disk, quarantine } = this.#tools
      for (const { name } of (await disk.list(this.#facts.directory)) ?? []) {
        const { kind, offset = 0 } = kindOfName(name)
        const isStale = kind === 'snapshot' && offset > this.#changedFrom && !places.has(offset)
        if (isStale) await quarantine.take(join(this.#facts.directory, name))
      }
    })
  }

  #takeSnapshot(offset: number): void {
    const path = join(this.#facts.directory, segmentFileName(offset, suffix.snapshot))
    this.#do(path, 'set the snapshot aside; no start begins there', async () => {
      const isThere = (await this.#tools.disk.readFile(path)) !== undefined
      if (isThere) await this.#tools.quarantine.take(path)
    })
  }

  #has(code: FindingCode, path: string, severity?: Finding['severity']): boolean {
    return this.#findings.some(
      (one) => one.code === code && one.path === path && (severity === undefined || one.severity === severity),
    )
  }

  #do(path: string, what: string, run: () => Promise<void>): void {
    this.#steps.push({ kind: 'do', path, what, run })
  }

  #write(path: string, bytes: Buffer, position: number): Promise<void> {
    return this.#open(path, async (file) => {
      await file.write([bytes], position)
      await file.sync()
    })
  }

  async #open(path: string, work: (file: Awaited<ReturnType<Disk['open']>>) => Promise<void>): Promise<void> {
    const file = await this.#tools.disk.open(path, { mode: 'write' })
    try {
      await work(file)
    } finally {
      await file.close()
    }
  }
}

/** Where the leader epoch lies in a batch's header. */
const epochField = { start: 12, end: 16 } as const

/** Writes a segment anew without the ranges, aside, and puts it in the place of the old one in one step. */
async function rewriteWithout(
  disk: Disk,
  directory: string,
  { path, contentBytes }: SegmentFacts,
  lost: readonly DamagedRange[],
): Promise<void> {
  const aside = `${path}.tmp`
  await withFile(disk, path, async (from) => {
    const to = await disk.open(aside, { mode: 'create' })
    try {
      await to.truncate(0)
      let written = 0
      let read = 0
      for (const range of [...lost, { from: contentBytes, to: contentBytes }]) {
        if (range.from > read) await disk.copyRange(from, read, to, written, range.from - read)
        written += Math.max(0, range.from - read)
        read = range.to
      }
      await to.sync()
    } finally {
      await to.close()
    }
  })
  await disk.rename(aside, path)
  await disk.syncDirectory(directory)
}
