/** Walks the commit log from message to message, as recovery and verification do. */

import type { OpenFiles } from '../../files/open-files.js'
import type { FileSequence } from './file-sequence.js'
import { blankBytes } from './format.js'
import { type MessageView, readMessage } from './message.js'

export interface ScanEnd {
  /** Behind the last message that is whole, or behind the blank that follows it. */
  readonly position: number
  /** What is wrong with what lies there; undefined where nothing was written. */
  readonly fault?: string
}

export interface Scan {
  readonly files: Pick<FileSequence, 'locate' | 'fileBytes'>
  readonly openFiles: OpenFiles
  /** Called with the bytes that were looked at since the last time. */
  readonly onScanned?: (bytes: number) => void
}

const chunkBytes = 4 * 1024 * 1024

/**
 * Calls `visit` for each message from `from` on, until the log ends, or until `to`, where a message ends. The bytes of a
 * message belong to whoever keeps them.
 * @throws what `visit` throws, and what the disk says
 */
export async function scanMessages(
  { files, openFiles, onScanned = () => {} }: Scan,
  from: number,
  visit: (message: MessageView) => Promise<void> | undefined,
  to = Number.POSITIVE_INFINITY,
): Promise<ScanEnd> {
  let position = from
  let wanted = chunkBytes
  for (;;) {
    if (position >= to) return { position }
    const located = files.locate(position)
    if (located === undefined) return { position }
    const nextFile = located.start + files.fileBytes
    const left = nextFile - position
    const most = Math.min(left, wanted, to - position)
    const bytes = await readFrom(openFiles, located.path, located.offsetInFile, most)
    const found = await walk(bytes, position, visit)
    onScanned(found.position - position)
    const hasMoved = found.position > position
    position = found.position
    if (found.isBlank || nextFile - position < blankBytes) position = nextFile
    else if (found.neededBytes !== undefined && bytes.length < left) {
      // The message goes on behind what was read; one that is larger than a chunk is read whole.
      wanted = hasMoved ? chunkBytes : Math.max(found.neededBytes, 2 * wanted)
    } else return { position, fault: found.fault }
  }
}

interface Walked {
  /** Behind the last whole message. */
  readonly position: number
  readonly isBlank?: boolean
  readonly fault?: string
  /** The message there takes so many bytes, more than were read. */
  readonly neededBytes?: number
}

async function walk(
  bytes: Buffer,
  start: number,
  visit: (message: MessageView) => Promise<void> | undefined,
): Promise<Walked> {
  for (let at = 0; ; ) {
    const position = start + at
    const found = readMessage(bytes, at, bytes.length - at, position)
    switch (found.kind) {
      case 'message': {
        const patience = visit(found)
        if (patience !== undefined) await patience
        at += found.sizeInBytes
        break
      }
      case 'blank':
        return { position, isBlank: true }
      case 'end':
        return { position }
      case 'fault':
        return { position, fault: found.reason, neededBytes: found.neededBytes }
    }
  }
}

/**
 * The sound messages that begin in [from, to), whatever lies between them: each says where it lies, so that one which was
 * written there is told from bytes that look like one.
 */
export async function* soundMessages(
  { files, openFiles }: Pick<Scan, 'files' | 'openFiles'>,
  from: number,
  to: number,
): AsyncGenerator<MessageView> {
  for (let position = from; position < to; ) {
    const located = files.locate(position)
    if (located === undefined) return
    const length = Math.min(chunkBytes, files.fileBytes - located.offsetInFile, to - position)
    const bytes = await readFrom(openFiles, located.path, located.offsetInFile, length)
    for (const at of magicsIn(bytes)) {
      const start = at - 4
      const available = files.fileBytes - located.offsetInFile - start
      const size = bytes.readInt32BE(start)
      if (size <= 0 || size > available) continue
      const whole =
        start + size <= bytes.length
          ? bytes.subarray(start)
          : await readFrom(openFiles, located.path, located.offsetInFile + start, size)
      const found = readMessage(whole, 0, whole.length, position + start)
      if (found.kind === 'message') yield found
    }
    // A magic may lie across the end of the chunk.
    position += length < chunkBytes ? length : length - blankBytes
  }
}

/** The first three bytes of both magics. */
const magicStart = Buffer.from([0xda, 0xa3, 0x20])

function* magicsIn(bytes: Buffer): Generator<number> {
  for (let at = bytes.indexOf(magicStart, 4); at >= 0; at = bytes.indexOf(magicStart, at + 1)) yield at
}

async function readFrom(openFiles: OpenFiles, path: string, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  const read = await openFiles.use(path, (file) => file.read(bytes, offset))
  return bytes.subarray(0, read)
}
