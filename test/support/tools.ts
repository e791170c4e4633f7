/** Programs that some tests need and not every machine has. */

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined
}

const loudly = (what: string, present: boolean): string | false => {
  if (present) return false
  const line = `SKIPPED: ${what} is not installed; .ci/run installs it.`
  console.error(`\n!!! ${line}\n`)
  return line
}

/** For the `skip` option of a test: false, or why it is skipped. */
export const withoutKcat = (): string | false => loudly('kcat', runs('kcat', ['-V']))

export const withoutStrace = (): string | false => loudly('strace', runs('strace', ['-V']))

/** Debian's package `prometheus` has it. */
export const withoutPromtool = (): string | false => loudly('promtool', runs('promtool', ['--version']))

/** The server of the same package. */
export const withoutPrometheus = (): string | false => loudly('prometheus', runs('prometheus', ['--version']))

export const wordList = '/usr/share/dict/words'

export const withoutWordList = (): string | false => loudly(`a word list (${wordList})`, existsSync(wordList))

export interface Finished {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs a program to its end, or until `timeoutMs`; `input` is its stdin. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { input?: Buffer | string; timeoutMs?: number; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const { timeoutMs: timeout = 60_000, env = process.env, cwd } = options
    const child = spawn(program, args, { timeout, env, cwd })
    const out: Buffer[] = []
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(out), stderr }))
    // A program that ends before it has read everything is judged by its exit code.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}
