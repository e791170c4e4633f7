/** The real program in a process of its own: `holdfast serve` on a free port, to be stopped or killed by its own pid. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

export const repository = resolve(import.meta.dirname, '../..')
export const holdfast = join(repository, 'bin/holdfast')

export interface ServedBroker {
  /** `host:port` */
  readonly address: string
  readonly pid: number
  /** From the start of the process to the line that says that it serves. */
  readonly readyAfterMs: number
  /** The line that says that it serves. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Sends a signal and waits for the end of the process; its exit code, or the signal that ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals>
  /** What it wrote on stderr so far. */
  stderr(): string
  isRunning(): boolean
}

export interface ServeOptions {
  readonly args?: readonly string[]
  readonly settings?: Readonly<Record<string, string | number>>
  /** Put in front of the command, e.g. strace with its arguments. */
  readonly wrapper?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

export async function serve(dataDir: string, options: ServeOptions = {}): Promise<ServedBroker> {
  const sets = Object.entries(options.settings ?? {}).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const command = [
    process.execPath,
    holdfast,
    'serve',
    '--data',
    dataDir,
    '--listen',
    '127.0.0.1:0',
    '--json',
    ...sets,
    ...(options.args ?? []),
  ]
  const [program, ...args] = [...(options.wrapper ?? []), ...command]
  const started = performance.now()
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: options.env })
  // Whatever happens to the test, its broker does not outlive it.
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  child.once('exit', () => process.off('exit', killAtExit))
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const ready = await firstLine(child, () => errors)
  assert.equal(ready['ready'], true)
  return {
    address: String(ready['kafka']),
    pid: Number(ready['pid']),
    readyAfterMs: performance.now() - started,
    ready,
    stderr: () => errors,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode ?? 0
      const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
      process.kill(Number(ready['pid']), signal)
      const [code, endedBy] = await exited
      return code ?? endedBy ?? 0
    },
  }
}

async function firstLine(child: ChildProcess, errors: () => string): Promise<Record<string, unknown>> {
  assert.ok(child.stdout)
  const lines = createInterface({ input: child.stdout })
  const line = once(lines, 'line') as Promise<[string]>
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`holdfast serve ended with ${code} before it served: ${errors()}`)
  })
  const [text] = await Promise.race([line, exited])
  return JSON.parse(text) as Record<string, unknown>
}
