/** Our `holdfast dump --json` put into the words of kafka-dump-log, line for line, so that the two can be compared. */

import { holdfast } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

// biome-ignore lint/suspicious/noExplicitAny: rows of JSON, each kind with fields of its own
type Row = any

/** What the tool prints of the files in our own words: by path, without what it only says in passing. */
export async function dumpedByUs(paths: readonly string[]): Promise<Map<string, string[]>> {
  const args = ['dump', '--records', '--json', '--bytes', 'hex', ...paths]
  const { code, stdout, stderr } = await runProgram(holdfast, args)
  if (code !== 0) throw new Error(`holdfast dump ended with ${code}: ${stderr}`)
  const lines = new Map<string, string[]>()
  let batch: Row
  let current: string[] = []
  let kind = ''
  for (const text of stdout.toString().trimEnd().split('\n')) {
    const row: Row = JSON.parse(text)
    if (row.type === 'file') {
      kind = row.kind
      current = []
      lines.set(row.path, current)
    } else if (row.type === 'batch') {
      batch = row
      current.push(batchLine(row))
    } else if (row.type === 'record') current.push(recordLine(batch, row))
    else if (row.type === 'marker') current.push(markerLine(batch, row))
    else if (row.type === 'entry') current.push(entryLine(kind, row))
    else if (row.type === 'producer') current.push(producerLine(row))
    else if (row.type !== 'snapshot') throw new Error(`What is ${text}?`)
  }
  return lines
}

const optional = (value: number | undefined) => (value === undefined ? 'OptionalLong.empty' : `OptionalLong[${value}]`)

function batchLine(row: Row): string {
  return [
    `baseOffset: ${row.baseOffset} lastOffset: ${row.lastOffset} count: ${row.records}`,
    `baseSequence: ${row.baseSequence ?? -1} lastSequence: ${row.lastSequence ?? -1}`,
    `producerId: ${row.producerId ?? -1} producerEpoch: ${row.producerEpoch ?? -1}`,
    `partitionLeaderEpoch: ${row.leaderEpoch}`,
    `isTransactional: ${row.transactional ?? false} isControl: ${row.control ?? false}`,
    `deleteHorizonMs: ${optional(row.deleteHorizon)} position: ${row.position}`,
    `${row.timestampType}: ${row.maxTimestamp} size: ${row.bytes} magic: 2`,
    `compresscodec: ${row.codec} crc: ${Number(row.crc)} isvalid: ${row.crcIsRight}`,
  ].join(' ')
}

const sizeOf = (bytes: { hex: string } | null) => (bytes === null ? -1 : bytes.hex.length / 2)

function recordLine(batch: Row, row: Row): string {
  const sequence = batch.baseSequence === undefined ? -1 : batch.baseSequence + row.offset - batch.baseOffset
  const headers = row.headers.map(({ key }: Row) => key).join(',')
  return [
    `| offset: ${row.offset} ${batch.timestampType}: ${row.timestamp}`,
    `keySize: ${sizeOf(row.key)} valueSize: ${sizeOf(row.value)} sequence: ${sequence} headerKeys: [${headers}]`,
  ].join(' ')
}

function markerLine(batch: Row, row: Row): string {
  return [
    `| offset: ${row.offset} ${batch.timestampType}: ${row.timestamp} keySize: 4 valueSize: 6 sequence: -1 headerKeys: []`,
    `endTxnMarker: ${row.marker.toUpperCase()} coordinatorEpoch: ${row.coordinatorEpoch}`,
  ].join(' ')
}

function entryLine(kind: string, row: Row): string {
  if (kind === 'offset-index') return `offset: ${row.offset} position: ${row.position}`
  if (kind === 'time-index') return `timestamp: ${row.timestamp} offset: ${row.offset}`
  const { version, producerId, firstOffset, lastOffset, lastStableOffset } = row
  return `version: ${version} producerId: ${producerId} firstOffset: ${firstOffset} lastOffset: ${lastOffset} lastStableOffset: ${lastStableOffset}`
}

function producerLine(row: Row): string {
  const { lastSequence, lastOffset, offsetDelta, timestamp, transactionFirstOffset } = row
  const first = transactionFirstOffset < 0 ? undefined : transactionFirstOffset
  const known = [
    `producerId: ${row.producerId} producerEpoch: ${row.epoch} coordinatorEpoch: ${row.coordinatorEpoch}`,
    `currentTxnFirstOffset: ${optional(first)} lastTimestamp: ${timestamp} `,
  ].join(' ')
  if (lastOffset < 0) return known
  // The tool counts back from the last sequence, over the end where that was passed.
  const firstSequence = lastSequence >= offsetDelta ? lastSequence - offsetDelta : lastSequence - offsetDelta + 2 ** 31
  return `${known}firstSequence: ${firstSequence} lastSequence: ${lastSequence} lastOffset: ${lastOffset} offsetDelta: ${offsetDelta} timestamp: ${timestamp}`
}
