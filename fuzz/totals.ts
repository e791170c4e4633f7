/** How many inputs were run in all: a row for each target, commit and day, to which every run adds. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

interface Row {
  readonly date: string
  readonly commit: string
  readonly target: string
  inputs: number
  seconds: number
  findings: number
}

export class Totals {
  readonly #path: string
  readonly #rows: Row[]
  readonly #commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()

  /** @param path of a file with a row of JSON in each line */
  constructor(path: string) {
    this.#path = path
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
    this.#rows = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row)
  }

  get inputs(): number {
    return this.#rows.reduce((sum, { inputs }) => sum + inputs, 0)
  }

  /** Adds what one target ran, and writes the file. */
  add(
    target: string,
    run: { readonly date: string; readonly inputs: number; readonly seconds: number; readonly findings: number },
  ): void {
    const commit = this.#commit
    let row = this.#rows.find((one) => one.date === run.date && one.commit === commit && one.target === target)
    if (row === undefined) {
      row = { date: run.date, commit, target, inputs: 0, seconds: 0, findings: 0 }
      this.#rows.push(row)
    }
    row.inputs += run.inputs
    row.seconds = Math.round((row.seconds + run.seconds) * 10) / 10
    row.findings += run.findings
    writeFileSync(this.#path, this.#rows.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }
}
