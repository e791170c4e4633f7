/**
 * Kafka's own tools, log and clients, as one Java process (`java/Judge.java`) that takes one command after another. The
 * sources are compiled against Kafka's jars when a test begins.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { type Kafka, logging, shortLived } from '../support/kafka/jars.js'

const sources = join(import.meta.dirname, 'java')

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

  static async start({ classPath }: Kafka): Promise<Judge> {
    const classes = await makeTemporaryDirectory('holdfast-judge-')
    const files = readdirSync(sources).filter((name) => name.endsWith('.java'))
    const args = ['-nowarn', '-Xlint:none', '-cp', classPath, '-d', classes.path, ...files]
    const { status, stderr } = spawnSync('javac', args, { cwd: sources, encoding: 'utf8' })
    if (status !== 0) throw new Error(`The judge does not compile: ${stderr}`)
    const child = spawn('java', [...shortLived, logging, '-cp', `${classes.path}:${classPath}`, 'Judge'], {
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

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.stdin?.end()
      await exited
    }
    await this.#classes.remove()
  }
}
