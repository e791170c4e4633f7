/** Producer snapshots and files of text, as rows. */

import { HoldfastError } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'
import { crc32c } from '../../records/crc32c.js'
import { type JsonValue, parseLenientJson } from '../commitlog/lenient-json.js'
import type { DumpRow, DumpValue } from './dump.js'
import type { FileKind } from './names.js'
import { readSmallFile, withFile } from './open-file.js'
import { producerEntries, readEntries } from './stored-entries.js'

const pieceBytes = 1024 * 1024

export async function* dumpSnapshot(disk: Disk, path: string): AsyncGenerator<DumpRow> {
  const head = Buffer.alloc(producerEntries.headerBytes)
  const { size, computed } = await withFile(disk, path, async (file, bytes) => {
    await file.read(head, 0)
    let crc = 0
    for (let at = 6; at < bytes; at += pieceBytes) {
      const piece = Buffer.alloc(Math.min(pieceBytes, bytes - at))
      crc = crc32c(piece.subarray(0, await file.read(piece, at)), crc)
    }
    return { size: bytes, computed: crc }
  })
  if (size < producerEntries.headerBytes) {
    yield { type: 'stop', path, position: size, why: 'it ends before its entries begin' }
    return
  }
  const crc = head.readUInt32BE(2)
  yield { type: 'snapshot', version: head.readInt16BE(0), crcIsRight: crc === computed, producers: head.readInt32BE(6) }
  if (crc !== computed)
    yield { type: 'stop', path, position: 2, why: 'the CRC is wrong; the entries are shown as they are' }
  const reading = readEntries(disk, path, producerEntries)
  for (;;) {
    const next = await reading.next()
    if (!next.done) yield { type: 'producer', at: next.value.position, ...next.value.entry }
    else if (next.value > 0)
      yield { type: 'stop', path, position: size - next.value, why: `${next.value} bytes are no whole entry` }
    if (next.done) return
  }
}

/** Checkpoints and properties line by line, JSON as the object it is; of anything else only that it is there. */
export async function* dumpText(disk: Disk, path: string, kind: FileKind): AsyncGenerator<DumpRow> {
  if (!['checkpoint', 'leader-epochs', 'partition-metadata', 'properties', 'json'].includes(kind)) return
  const bytes = (await readSmallFile(disk, path)) ?? Buffer.alloc(0)
  const text = bytes.toString('utf8')
  if (kind === 'json') {
    yield { type: 'json', value: parse(text, path) }
    return
  }
  for (const [index, line] of text.replace(/\n$/, '').split('\n').entries()) {
    if (text !== '') yield { type: 'line', number: index + 1, text: line }
  }
}

/** RocketMQ writes keys that are numbers without quotes, and its numbers may be larger than ours. */
function parse(text: string, path: string): DumpValue {
  try {
    return shown(parseLenientJson(text))
  } catch (cause) {
    throw new HoldfastError('DATA_DIR_DAMAGED', `${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function shown(value: JsonValue): DumpValue {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, shown(one)]))
  return Array.isArray(value) ? value.map(shown) : value
}
