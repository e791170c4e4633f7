/** The inputs that are kept, one file for each target: hex, one input a line. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const pathOf = (target: string): string => join(import.meta.dirname, 'corpus', `${target}.hex`)

export function readCorpus(target: string): Buffer[] {
  if (!existsSync(pathOf(target))) return []
  return readFileSync(pathOf(target), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'hex'))
}

export function writeCorpus(target: string, corpus: readonly Buffer[]): void {
  writeFileSync(pathOf(target), corpus.map((bytes) => `${bytes.toString('hex')}\n`).join(''))
}
