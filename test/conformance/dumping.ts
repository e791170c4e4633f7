/** kafka-dump-log over every file of a log directory, and what in its answers is a fault. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Judge } from './judge.js'

interface Dumped {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What the tool prints of a batch or record that is not as it should be, on stdout and without a word on stderr. */
const faultsInText = [
  /^.*isvalid: false.*$/gm,
  /^Found \d+ invalid bytes at the end.*$/gm,
  /^.*(?:Error at offset|Unknown record type|could not decode|skipping).*$/gim,
]

/** Compaction leaves holes, which the tool reports. */
const holes = /^(?:Non-consecutive offsets in .*|\s+\d+ is followed by \d+)$/gm

const optionsByExtension: Readonly<Record<string, readonly (readonly string[])[]>> = {
  log: [['--deep-iteration', '--print-data-log']],
  index: [['--index-sanity-check'], ['--verify-index-only']],
  timeindex: [['--index-sanity-check'], ['--verify-index-only']],
  txnindex: [[]],
  snapshot: [[]],
}

const decoders: Readonly<Record<string, string>> = {
  __consumer_offsets: '--offsets-decoder',
  __transaction_state: '--transaction-log-decoder',
}

export interface Looked {
  /** How many files of each kind the tool was given. */
  readonly files: Readonly<Record<string, number>>
  readonly faults: readonly string[]
  /** Lines of records that it printed. */
  readonly records: number
}

/** Looks at every file in the partition directories below `logPath`. `compacted` tells those that may have holes. */
export async function dumpAll(
  judge: Judge,
  logPath: string,
  compacted: (partition: string) => boolean = () => false,
): Promise<Looked> {
  const files: Record<string, number> = {}
  const faults: string[] = []
  let records = 0
  for (const directory of partitionsIn(logPath)) {
    const decoder = decoders[directory.slice(0, directory.lastIndexOf('-'))]
    const names = readdirSync(join(logPath, directory))
    for (const [extension, variants] of Object.entries(optionsByExtension)) {
      const paths = names.filter((name) => name.endsWith(`.${extension}`)).map((name) => join(logPath, directory, name))
      if (paths.length === 0) continue
      files[extension] = (files[extension] ?? 0) + paths.length
      for (const variant of variants) {
        const extra = extension === 'log' && decoder !== undefined ? [decoder] : []
        const options = [...variant, ...extra, '--files', paths.join(',')]
        const dumped = await judge.ask<Dumped>('dump', { options })
        faults.push(
          ...faultsOf(dumped, compacted(directory)).map((fault) => `${directory} ${variant.join(' ')}: ${fault}`),
        )
        records += dumped.stdout.match(/^\| offset: /gm)?.length ?? 0
      }
    }
  }
  return { files, faults, records }
}

/** What the tool prints of these files, line by line, by path. */
export async function dumpedByKafka(judge: Judge, paths: readonly string[]): Promise<Map<string, string[]>> {
  const { stdout } = await judge.ask<Dumped>('dump', { options: ['--deep-iteration', '--files', paths.join(',')] })
  const lines = new Map<string, string[]>()
  let current: string[] = []
  for (const line of stdout.split('\n')) {
    const path = /^Dumping (.*)$/.exec(line)?.[1]
    if (path !== undefined) {
      current = []
      lines.set(path, current)
    } else if (line !== '' && !/^Log starting offset|is empty\.$/.test(line)) current.push(line)
  }
  return lines
}

function faultsOf({ code, stdout, stderr }: Dumped, mayHaveHoles: boolean): string[] {
  const complaints = (mayHaveHoles ? stderr.replace(holes, '') : stderr).trim()
  const faults = faultsInText.flatMap((pattern) => stdout.match(pattern) ?? [])
  if (complaints !== '') faults.push(complaints)
  if (code !== 0) faults.push(`exit code ${code}`)
  return faults
}

export function partitionsIn(logPath: string): string[] {
  return readdirSync(logPath, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('__cluster_metadata'))
    .map(({ name }) => name)
    .sort()
}
