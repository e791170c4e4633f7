/** A program at a place, which can be killed, paused, and started again; what it writes goes into a file. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { at, type Place } from './network.js'

export interface HostProgram {
  readonly place: Place
  readonly command: readonly string[]
  /** All that it writes, of all its lives. */
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
  /** It is spoken to by `send`. */
  readonly isSpokenTo?: boolean
}

export class HostProcess {
  readonly #program: HostProgram
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  #wantsToRun = false
  /** Ends that nobody here asked for. */
  readonly unexpectedEnds: string[] = []

  constructor(program: HostProgram) {
    this.#program = program
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  start(): void {
    this.#wantsToRun = true
    if (this.isRunning) return
    const { place, command, logFile, env, isSpokenTo } = this.#program
    const log = openSync(logFile, 'a')
    const [program, ...args] = [...at(place), ...command]
    const child = spawn(program, args, {
      stdio: ['ignore', log, log, ...(isSpokenTo === true ? (['ipc'] as const) : [])],
      env: { ...process.env, ...env },
    })
    closeSync(log)
    this.#child = child
    this.#exited = once(child, 'exit')
    child.on('exit', (code, signal) => {
      if (this.#child === child && this.#wantsToRun)
        this.unexpectedEnds.push(`${command[0]} at ${place}: ${code ?? signal}`)
    })
    child.on('error', () => {})
  }

  /** Ends it; for good, until it is started again. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#wantsToRun = false
    if (!this.isRunning) return
    this.#child?.kill(signal)
    await this.#exited
  }

  pause(): void {
    if (this.isRunning) this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    if (this.isRunning) this.#child?.kill('SIGCONT')
  }

  send(message: object): void {
    if (this.isRunning) this.#child?.send(message)
  }
}
