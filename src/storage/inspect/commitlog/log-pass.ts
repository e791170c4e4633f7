/**
 * Goes through the files of a commit log from the first message to the last, behind what is damaged too, and says where
 * the log ends. What lies behind the end of a store that was not closed may be what a write left that was interrupted.
 */

import type { Disk, DiskFile } from '../../../files/disk.js'
import type { Blank, MessageView } from '../../commitlog/message.js'
import { endOfContent } from '../../segments/end-of-content.js'
import type { Findings } from '../findings.js'
import { orRefused, withFile } from '../open-file.js'
import { findNextMessage } from './find-message.js'
import type { FixedFile } from './fixed-files.js'
import { MessageWalk } from './message-walk.js'

export interface LogVisitor {
  /** Each message in order; valid until the promise has resolved, or the call has returned. */
  message(view: MessageView): Promise<void> | undefined
  /** Messages are lost before the next one. */
  lost(): void
}

export interface LogPassRequest {
  readonly disk: Disk
  /** Ascending. */
  readonly files: readonly FixedFile[]
  readonly fileBytes: number
  /** From here on a start ends the log at what is no message; undefined where it was closed in order. */
  readonly tornFrom: number | undefined
  /** The most that an interrupted write leaves behind the end, in the file that this lies in; a file is durable before the next. */
  readonly tornBytes: number
  readonly visitor: LogVisitor
  readonly onBytes: (bytes: number) => void
}

/** Bytes of the log in which no sound message lies. */
export interface LostBytes {
  readonly from: number
  readonly to: number
  readonly path: string
  readonly why: string
}

/** So many bytes are walked between two reports of progress. */
const reportBytes = 4 * 1024 * 1024

interface Stop {
  readonly from: number
  readonly path: string
  readonly why: string
  /** Behind the last byte that is not zero. */
  readonly contentEnd: number
  /** It has been told already, as files that are missing. */
  readonly isTold: boolean
}

export class LogPass {
  readonly #request: LogPassRequest
  readonly #findings: Findings
  readonly #lost: LostBytes[] = []
  /** Where the walk met what is no message, as long as none followed. */
  #stop: Stop | undefined
  /** Behind the last sound message. */
  #end: number
  /** Behind the last blank, which says that the log goes on in the next file. */
  #blankEnd = 0
  #isOver = false

  constructor(request: LogPassRequest, findings: Findings) {
    this.#request = request
    this.#findings = findings
    this.#end = this.start
  }

  get start(): number {
    return this.#request.files[0]?.start ?? 0
  }

  /** Behind the last sound message, and the blank that follows it. */
  get end(): number {
    return Math.max(this.#end, this.#blankEnd)
  }

  /** What lies behind the end, where that is not nothing. */
  get rest(): LostBytes | undefined {
    if (this.#stop === undefined || this.#stop.contentEnd <= this.#stop.from) return undefined
    const { from, path, why, contentEnd } = this.#stop
    return { from, to: contentEnd, path, why }
  }

  get lost(): readonly LostBytes[] {
    return this.#lost
  }

  isDamaged(position: number): boolean {
    return this.#lost.some(({ from, to }) => position >= from && position < to)
  }

  async run(): Promise<void> {
    let expected = this.start
    for (const file of this.#request.files) {
      const { path, start } = file
      if (start > expected) {
        const what = `The positions from ${expected} to ${start} are in no file`
        this.#findings.add('positions-missing', path, what)
        this.#stop ??= { from: expected, path, why: 'files are missing', contentEnd: start, isTold: true }
      }
      await orRefused(
        () => withFile(this.#request.disk, path, (open, size) => this.#file(open, file, size)),
        (why) => this.#refused(file, why),
      )
      if (this.#isOver) return
      expected = start + this.#request.fileBytes
    }
  }

  #refused({ path, start }: FixedFile, why: string): void {
    this.#findings.add('not-readable', path, why)
    const from = Math.max(start, this.#end)
    this.#stop ??= { from, path, why, contentEnd: start + this.#request.fileBytes, isTold: true }
  }

  async #file(file: DiskFile, { path, start }: FixedFile, size: number): Promise<void> {
    const { visitor, fileBytes, onBytes } = this.#request
    const end = Math.min(size, fileBytes)
    const walk = new MessageWalk(file, start, end)
    let reported = 0
    try {
      while (walk.position < end) {
        const { position } = walk
        const found = walk.here() ?? (await walk.next())
        if (found.kind === 'message') {
          if (this.#stop !== undefined) this.#goOn(start + position)
          this.#end = start + walk.position
          const patience = visitor.message(found)
          if (patience !== undefined) await patience
          if (walk.position - reported < reportBytes) continue
          onBytes(walk.position - reported)
          reported = walk.position
        } else if (found.kind === 'blank') {
          this.#checkBlank(found, path, position, end)
          if (this.#stop === undefined) this.#blankEnd = start + fileBytes
          return
        } else {
          const why = found.kind === 'end' ? 'nothing is written there' : `what is there ${found.reason}`
          const next = await this.#passFault(file, { path, start, position, end, why })
          if (next === undefined) return
          walk.skipTo(next)
        }
      }
    } finally {
      onBytes(end - reported)
      await walk.settle()
    }
  }

  #checkBlank({ sizeInBytes }: Blank, path: string, position: number, end: number): void {
    if (sizeInBytes === end - position) return
    const what = `The blank at the end says that ${sizeInBytes} bytes are left, and ${end - position} are`
    this.#findings.add('message-damaged', path, what, {
      position,
      severity: 'warning',
      next: 'nothing: it is read by nobody',
    })
  }

  /** Where in the file the next sound message begins; undefined where there is none. */
  async #passFault(
    file: DiskFile,
    { path, start, position, end, why }: { path: string; start: number; position: number; end: number; why: string },
  ): Promise<number | undefined> {
    const { tornFrom } = this.#request
    const content = await endOfContent(file, position, end)
    const from = start + position
    this.#stop ??= { from, path, why, contentEnd: start + content, isTold: false }
    if (
      tornFrom !== undefined &&
      from >= tornFrom &&
      this.#stop.from === from &&
      !(await this.#goesOnFarBehind(from))
    ) {
      this.#isOver = true
      return undefined
    }
    return content === position ? undefined : findNextMessage(file, start, position + 1, content)
  }

  /** Whether a sound message lies so far behind `from` that it was not written together with what lies there. */
  async #goesOnFarBehind(from: number): Promise<boolean> {
    const { disk, files, fileBytes, tornBytes } = this.#request
    const far = Math.min(from + tornBytes, from - (from % fileBytes) + fileBytes)
    for (const { path, start } of files) {
      const isSame = from >= start && from < start + fileBytes
      if (isSame && (this.#stop?.contentEnd ?? 0) <= far) continue
      const found = await withFile(disk, path, async (file, size) => {
        if (start + size <= far) return undefined
        const content = await endOfContent(file, Math.max(0, far - start), size)
        return findNextMessage(file, start, Math.max(0, far - start), content)
      })
      if (found !== undefined) return true
    }
    return false
  }

  /** A sound message follows behind what is none. */
  #goOn(position: number): void {
    const { from, path, why, isTold } = this.#stop as Stop
    this.#stop = undefined
    const lost = { from, to: position, path, why }
    this.#lost.push(lost)
    if (!isTold) this.#tell(lost)
    this.#request.visitor.lost()
  }

  #tell({ from, to, path, why }: LostBytes): void {
    const at = { position: from % this.#request.fileBytes }
    this.#findings.add(
      'message-damaged',
      path,
      `At position ${from} ${why}; sound messages go on at position ${to}`,
      at,
    )
  }
}
