/** Programs in a process of their own, for what may end a process. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { programArguments } from '../support/child-program.js'

export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

const longestMs = 60_000

/** Runs a file beside this one, with these arguments and this environment; killed where it takes far too long. */
export async function runProgram(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const program = fileURLToPath(new URL(name, import.meta.url))
  const child = spawn(process.execPath, [...programArguments(program), ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, killedBy) => resolve([code, killedBy]))
  })
  return { status, signal, output }
}
