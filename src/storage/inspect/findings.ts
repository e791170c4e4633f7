/** What a check has to say: each kind of finding with how bad it is and what to do about it. */

export type Severity = 'error' | 'warning' | 'note'

interface FindingRow {
  /** `error`: messages or the files that name them are damaged. `warning`: an index or a hint that is made anew from the log. `note`: worth knowing. */
  readonly severity: Severity
  readonly next: string
}

const repairIt = 'holdfast repair'
const chooseIt =
  'put a good copy of the file back, or choose: holdfast repair --cut (end the log here) or --skip (go on behind it)'
const byItself = 'nothing: the next start sees to it'

export const findingTable = {
  // Messages.
  'batch-damaged': { severity: 'error', next: chooseIt },
  'header-damaged': { severity: 'error', next: `${repairIt} puts the header right; the records are whole` },
  'records-wrong': { severity: 'error', next: chooseIt },
  'offsets-missing': { severity: 'error', next: chooseIt },
  'offsets-overlap': {
    severity: 'error',
    next: `${repairIt} --cut keeps the part before it and sets the later segments aside`,
  },
  'start-missing': {
    severity: 'error',
    next: `put the missing files back, or ${repairIt} --skip lets the log begin where it does now`,
  },
  'end-missing': {
    severity: 'error',
    next: `put the missing files back, or ${repairIt} --cut accepts the end as it is`,
  },
  'torn-tail': { severity: 'warning', next: byItself },
  'zero-tail': { severity: 'note', next: byItself },
  'timestamp-wrong': { severity: 'warning', next: 'nothing: searches by time may miss this batch' },
  // Messages of a commit log.
  'message-damaged': {
    severity: 'error',
    next: `put a good copy of the file back, or ${repairIt} --cut ends the log here`,
  },
  'positions-missing': {
    severity: 'error',
    next: `put the missing files back, or ${repairIt} --cut ends the log before`,
  },
  'file-size-wrong': {
    severity: 'error',
    next: 'put a good copy of the file back; until then the store does not open',
  },
  'batch-partial': { severity: 'warning', next: 'nothing: its messages are read as far as they are there' },
  // What is made anew from the messages of a commit log.
  'queue-wrong': {
    severity: 'error',
    next: `${repairIt} lets the next start make it anew; until then messages are not found`,
  },
  'queue-behind': { severity: 'warning', next: byItself },
  'queue-ahead': { severity: 'warning', next: byItself },
  'message-index-wrong': {
    severity: 'warning',
    next: `${repairIt} lets the next start make it anew; until then a search by key may miss messages`,
  },
  'message-index-behind': { severity: 'warning', next: byItself },
  'queues-snapshot-missing': { severity: 'note', next: 'nothing: the next start reads the whole commit log' },
  'queues-snapshot-wrong': { severity: 'warning', next: 'nothing: the next start reads the whole commit log' },
  'store-checkpoint-wrong': {
    severity: 'warning',
    next: 'nothing: it is written anew; RocketMQ, opening the store first, might read too little',
  },
  // What is made anew from the messages.
  'index-missing': { severity: 'warning', next: `${byItself}, or ${repairIt}` },
  'index-wrong': { severity: 'warning', next: `${byItself}, or ${repairIt}` },
  'key-index-wrong': { severity: 'warning', next: byItself },
  'transactions-missing': {
    severity: 'error',
    next: `${repairIt} makes the index anew; until then aborted messages may be read`,
  },
  'transactions-wrong': {
    severity: 'error',
    next: `${repairIt} makes the index anew; until then aborted messages may be read`,
  },
  'snapshot-missing': { severity: 'note', next: `${byItself}, or ${repairIt}` },
  'snapshot-wrong': { severity: 'warning', next: `${repairIt}; a producer that sends again might not be recognised` },
  'epochs-missing': { severity: 'warning', next: `${byItself}, or ${repairIt}` },
  'epochs-unreadable': { severity: 'error', next: `${repairIt}; until then the store does not open` },
  'epochs-wrong': { severity: 'warning', next: repairIt },
  'checkpoint-missing': { severity: 'warning', next: `${byItself}, or ${repairIt}` },
  'checkpoint-unreadable': { severity: 'warning', next: `${byItself}, or ${repairIt}` },
  'checkpoint-wrong': { severity: 'warning', next: repairIt },
  // The files that name them.
  'metadata-missing': { severity: 'warning', next: repairIt },
  'metadata-unreadable': { severity: 'error', next: `restore the file from a backup, or ${repairIt}` },
  'metadata-wrong': { severity: 'error', next: repairIt },
  'directory-missing': { severity: 'error', next: 'put the directory back; the next start would make it anew, empty' },
  'directory-unlisted': { severity: 'note', next: 'nothing: the next start takes the topic over' },
  'producer-ids-wrong': { severity: 'error', next: `${repairIt}; until then two producers may get the same id` },
  'committed-outside': {
    severity: 'note',
    next: 'nothing: a consumer of the group begins where its reset policy says',
  },
  'record-unreadable': { severity: 'warning', next: 'holdfast dump --decode shows the record' },
  // Names.
  'foreign-file': { severity: 'warning', next: `${repairIt} moves it aside` },
  leftover: { severity: 'note', next: byItself },
  'set-aside': { severity: 'note', next: `look at it; ${repairIt} moves it out of the way` },
  'not-readable': { severity: 'error', next: 'look at the disk (dmesg) and at the rights of the file' },
} as const satisfies Record<string, FindingRow>

export type FindingCode = keyof typeof findingTable

export interface Finding {
  readonly severity: Severity
  readonly code: FindingCode
  readonly path: string
  /** Byte in the file. */
  readonly position?: number
  /** Offset in the log. */
  readonly offset?: number
  readonly what: string
  readonly next: string
}

export interface FoundAt {
  readonly position?: number
  readonly offset?: number
  /** Where the case at hand is less or more than its kind. */
  readonly severity?: Severity
  readonly next?: string
}

/** Gathers findings, of each kind in one file no more than somebody would read. */
export class Findings {
  readonly all: Finding[] = []
  readonly #counts = new Map<string, number>()
  readonly #onFinding: (finding: Finding) => void

  constructor(onFinding: (finding: Finding) => void = () => {}) {
    this.#onFinding = onFinding
  }

  add(code: FindingCode, path: string, what: string, at: FoundAt = {}): void {
    const key = `${code} ${path}`
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    if (count > mostPerFile) return
    const last = count === mostPerFile ? `${what} (more of this kind in this file are not shown)` : what
    const finding: Finding = { ...findingTable[code], code, path, ...at, what: last }
    this.all.push(finding)
    this.#onFinding(finding)
  }

  /** Adds what others have found. */
  take({ all }: Findings): void {
    for (const { code, path, what, ...at } of all) this.add(code, path, what, at)
  }

  has(code: FindingCode, path?: string): boolean {
    return this.all.some((finding) => finding.code === code && (path === undefined || finding.path === path))
  }

  get hasErrors(): boolean {
    return this.all.some(({ severity }) => severity === 'error')
  }
}

const mostPerFile = 20
