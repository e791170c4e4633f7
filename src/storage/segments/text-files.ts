/** Kafka's small text files: checkpoints, leader epochs, topic ids (docs/formats.md, "Text files"). */

import { HoldfastError } from '../../core/errors.js'
import { uuidFromText, uuidText } from '../../core/randomness.js'
import type { EpochStart } from '../log/leader-epochs.js'

/** Version line, count line, one line an entry, each ended by a newline. */
export function encodeCheckpoint(lines: readonly string[]): Buffer {
  return Buffer.from(['0', String(lines.length), ...lines].map((line) => `${line}\n`).join(''))
}

export interface CheckpointForm {
  /** How many fields an entry has … */
  readonly fields: number
  /** … of which so many at the end are numbers. */
  readonly numbers: number
}

/**
 * The entries of a checkpoint file, each split at its spaces. An empty file has none.
 * @throws DATA_DIR_DAMAGED where version, count or an entry is not as it must be
 */
export function decodeCheckpoint(bytes: Buffer, path: string, { fields, numbers }: CheckpointForm): string[][] {
  if (bytes.length === 0) return []
  const lines = bytes.toString('utf8').split('\n')
  const damaged = (why: string): HoldfastError =>
    new HoldfastError('DATA_DIR_DAMAGED', `${path} is no checkpoint file: ${why}. Move it aside to go on without it.`)
  if (lines[0] !== '0') throw damaged(`its version is ${JSON.stringify(lines[0])}, not 0`)
  const entries = lines.slice(2, -1).map((line) => line.split(' '))
  if (lines.at(-1) !== '' || lines[1] !== String(entries.length))
    throw damaged('it does not hold as many lines as it says')
  const isSound = (entry: string[]) =>
    entry.length === fields && entry[0] !== '' && entry.slice(fields - numbers).every((field) => isOffset(field))
  const malformed = entries.find((entry) => !isSound(entry))
  if (malformed !== undefined) throw damaged(`its entry ${JSON.stringify(malformed.join(' '))} is malformed`)
  return entries
}

/** A text that is no number would compare as false with everything, and so pass for "nothing to do". */
function isOffset(text: string): boolean {
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))
}

export function encodeEpochs(epochs: readonly EpochStart[]): Buffer {
  return encodeCheckpoint(epochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))
}

export function decodeEpochs(bytes: Buffer, path: string): EpochStart[] {
  return decodeCheckpoint(bytes, path, { fields: 2, numbers: 2 }).map(([epoch, startOffset]) => ({
    epoch: Number(epoch),
    startOffset: Number(startOffset),
  }))
}

/** Written without a last newline, as Kafka does it. */
export function encodePartitionMetadata(topicId: Uint8Array): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${uuidText(topicId)}`)
}

/** The topic id in a `partition.metadata` file, or undefined where it holds none. */
export function decodePartitionMetadata(bytes: Buffer): Buffer | undefined {
  const match = /^topic_id:\s*(\S+)\s*$/m.exec(bytes.toString('utf8'))
  return match === null ? undefined : uuidFromText(match[1])
}

/** Java properties with the two comment lines that `java.util.Properties` writes. */
export function encodeMetaProperties(entries: Readonly<Record<string, string>>, nowMs: number): Buffer {
  const lines = Object.entries(entries).map(([key, value]) => `${key}=${value}`)
  return Buffer.from(`#\n#${new Date(nowMs).toUTCString()}\n${lines.join('\n')}\n`)
}

export function decodeProperties(bytes: Buffer): Record<string, string> {
  const entries: Record<string, string> = {}
  for (const line of bytes.toString('utf8').split(/\r?\n/)) {
    const match = /^\s*([^#!\s=:][^=:\s]*)\s*[=:]\s*(.*)$/.exec(line)
    if (match !== null) entries[match[1]] = match[2].trim()
  }
  return entries
}
