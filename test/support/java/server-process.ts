/** A server in Java as a child process: its output in a file, stopped in order or killed, never left behind. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ServerProcess {
  readonly pid: number
  /** From the start of the process until it was ready. */
  readonly readyAfterMs: number
  /** Asks it to end; kills it when it takes too long. */
  stop(): Promise<void>
  kill(): Promise<void>
}

export interface ServerCommand {
  /** As a person calls it. */
  readonly name: string
  /** What `java` is given. */
  readonly args: readonly string[]
  /** Where it works, and where its output goes, as `<name>.out`. */
  readonly directory: string
  readonly env?: NodeJS.ProcessEnv
  /** Resolves when it serves; `output` is what it has said so far. */
  ready(output: () => string): Promise<void>
}

const stopWithinMs = 20_000

/** @throws Error with the end of what it said, if it ends before it is ready */
export async function startServer(command: ServerCommand): Promise<ServerProcess> {
  const { name, args, directory } = command
  const log = join(directory, `${name.toLowerCase().replaceAll(' ', '-')}.out`)
  const fd = openSync(log, 'w')
  const output = () => readFileSync(log, 'utf8')
  const started = performance.now()
  const child = spawn('java', args, {
    stdio: ['ignore', fd, fd],
    cwd: directory,
    env: { ...process.env, ...command.env },
  })
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  child.once('exit', () => process.off('exit', killAtExit))
  try {
    const ended = once(child, 'exit').then(([code]): never => {
      throw new Error(`${name} ended with ${code}: ${output().slice(-1000)}`)
    })
    await Promise.race([command.ready(output), ended])
    ended.catch(() => {})
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    pid: child.pid ?? 0,
    readyAfterMs: performance.now() - started,
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  }
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const kill = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
  child.kill(signal)
  await exited
  clearTimeout(kill)
}
