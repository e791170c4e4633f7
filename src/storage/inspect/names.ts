/** What the files and directories of a data directory are, by their names. */

import { parseSegmentFileName, quarantined, stage, suffix } from '../segments/format.js'

export type FileKind =
  | 'log'
  | 'offset-index'
  | 'time-index'
  | 'transaction-index'
  | 'snapshot'
  | 'leader-epochs'
  | 'checkpoint'
  | 'partition-metadata'
  | 'properties'
  | 'json'
  /** A file of a key index: a hint, with checksums of its own. */
  | 'key-index'
  /** Under RocketMQ's directory, which `commitlog/names.ts` knows. */
  | 'commit-log'
  | 'consume-queue'
  | 'message-index'
  | 'store-checkpoint'
  /** Ours, beside it. */
  | 'queues-snapshot'
  /** Empty, or read by nobody: locks and marks. */
  | 'mark'
  /** A step of a replacement or removal that the next start finishes. */
  | 'leftover'
  /** Kept by a recovery for somebody to look at. */
  | 'set-aside'
  | 'foreign'

const bySuffix: Readonly<Record<string, FileKind>> = {
  [suffix.log]: 'log',
  [suffix.offsetIndex]: 'offset-index',
  [suffix.timeIndex]: 'time-index',
  [suffix.transactionIndex]: 'transaction-index',
  [suffix.snapshot]: 'snapshot',
}

const byName: Readonly<Record<string, FileKind>> = {
  'leader-epoch-checkpoint': 'leader-epochs',
  'partition.metadata': 'partition-metadata',
  'meta.properties': 'properties',
  '.lock': 'mark',
  lock: 'mark',
  '.kafka_cleanshutdown': 'mark',
}

const leftoverStages = [stage.deleted, stage.cleaned, stage.swap, '.tmp']

export interface NamedFile {
  readonly kind: FileKind
  /** The number in the name of a segment's file, else undefined. */
  readonly offset: number | undefined
}

/** Of the last part of a path. A staged file has its own kind, whatever it was before. */
export function kindOfName(name: string): NamedFile {
  const parsed = parseSegmentFileName(name)
  if (parsed === undefined) {
    const known = byName[name]
    if (known !== undefined) return { kind: known, offset: undefined }
    if (name.endsWith('-offset-checkpoint')) return { kind: 'checkpoint', offset: undefined }
    if (name.endsWith('.json')) return { kind: 'json', offset: undefined }
    if (name.endsWith('.keys')) return { kind: 'key-index', offset: undefined }
    return { kind: name.endsWith('.tmp') ? 'leftover' : 'foreign', offset: undefined }
  }
  const { offset } = parsed
  if (parsed.suffix.endsWith(quarantined)) return { kind: 'set-aside', offset }
  if (leftoverStages.some((one) => parsed.suffix.endsWith(one))) return { kind: 'leftover', offset }
  return { kind: bySuffix[parsed.suffix] ?? 'foreign', offset }
}
