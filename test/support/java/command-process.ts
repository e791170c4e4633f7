/**
 * A program of ours in Java that takes one command after another (`Commands.java`): others' tools, logs and clients behind
 * one process. Its sources are compiled when it is started.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { compileJava } from './compile.js'

export interface JavaProgram {
  /** The folder of its sources. */
  readonly sources: string
  readonly main: string
  readonly classPath: string
  /** For the JVM. */
  readonly options: readonly string[]
}

/** What a command threw. */
export class CommandError extends Error {
  /** The simple name of the exception's class. */
  readonly exception: string

  constructor(exception: string, message: string, trace: string) {
    super(`${exception}: ${message}\n${trace}`)
    this.exception = exception
  }
}

export class CommandProcess {
  readonly #child: ChildProcess
  readonly #classes: TemporaryDirectory
  readonly #answers: AsyncIterator<string>
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(child: ChildProcess, classes: TemporaryDirectory) {
    this.#child = child
    this.#classes = classes
    this.#answers = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  static async start({ sources, main, classPath, options }: JavaProgram): Promise<CommandProcess> {
    const classes = await compileJava([import.meta.dirname, sources], classPath)
    // Nothing of it is to be written into the home of who runs it.
    const jvm = [`-Duser.home=${classes.path}`, ...options]
    const child = spawn('java', [...jvm, '-cp', `${classes.path}:${classPath}`, main], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const killAtExit = () => child.kill('SIGKILL')
    process.once('exit', killAtExit)
    child.once('exit', () => process.off('exit', killAtExit))
    return new CommandProcess(child, classes)
  }

  /** @throws CommandError with what the command threw */
  ask<T>(command: string, args: object): Promise<T> {
    const answer = this.#turn.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify({ command, arguments: args })}\n`)
      const { value, done } = await this.#answers.next()
      if (done) throw new Error(`The Java process ended during ${command}`)
      const { error, message, trace, result } = JSON.parse(value)
      if (error !== undefined) throw new CommandError(error, message, trace)
      return result as T
    })
    this.#turn = answer.catch(() => {})
    return answer
  }

  /** Ends it in order. */
  close(): Promise<void> {
    return this.#end(() => this.#child.stdin?.end())
  }

  /** Ends it where it stands, with SIGKILL. */
  kill(): Promise<void> {
    return this.#end(() => this.#child.kill('SIGKILL'))
  }

  async #end(how: () => void): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      how()
      await exited
    }
    await this.#classes.remove()
  }
}
