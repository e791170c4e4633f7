/**
 * What others wrote, as one Java process that takes one command after another: Kafka's tools, log and clients
 * (`java/kafka/`), or RocketMQ's store and clients (`java/rocketmq/`). The sources are compiled when a test begins.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { compileJava } from '../support/java/compile.js'
import { shortLived } from '../support/java/maven-jars.js'

const sources = join(import.meta.dirname, 'java')

export interface JudgeProgram {
  /** The folder of its sources, which have a class Judge. */
  readonly folder: 'kafka' | 'rocketmq'
  readonly classPath: string
  /** For the JVM. */
  readonly options: readonly string[]
}

/** What a command threw. */
export class JudgeError extends Error {
  /** The simple name of the exception's class. */
  readonly exception: string

  constructor(exception: string, message: string, trace: string) {
    super(`${exception}: ${message}\n${trace}`)
    this.exception = exception
  }
}

export class Judge {
  readonly #child: ChildProcess
  readonly #classes: TemporaryDirectory
  readonly #answers: AsyncIterator<string>
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(child: ChildProcess, classes: TemporaryDirectory) {
    this.#child = child
    this.#classes = classes
    this.#answers = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  static async start({ folder, classPath, options }: JudgeProgram): Promise<Judge> {
    const classes = await compileJava([sources, join(sources, folder)], classPath)
    // Nothing of it is to be written into the home of who runs it.
    const jvm = [...shortLived, `-Duser.home=${classes.path}`, ...options]
    const child = spawn('java', [...jvm, '-cp', `${classes.path}:${classPath}`, 'Judge'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const killAtExit = () => child.kill('SIGKILL')
    process.once('exit', killAtExit)
    child.once('exit', () => process.off('exit', killAtExit))
    return new Judge(child, classes)
  }

  /** @throws JudgeError with what the command threw */
  ask<T>(command: string, args: object): Promise<T> {
    const answer = this.#turn.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify({ command, arguments: args })}\n`)
      const { value, done } = await this.#answers.next()
      if (done) throw new Error(`The judge ended during ${command}`)
      const { error, message, trace, result } = JSON.parse(value)
      if (error !== undefined) throw new JudgeError(error, message, trace)
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
