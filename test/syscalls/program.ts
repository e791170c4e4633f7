/** The program that embeds the library, as a process of its own: started anew whenever it was killed, or died by itself. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { programArguments } from '../support/child-program.js'
import type { LifeToLive } from './embedding.js'
import type { Lived } from './session.js'
import type { FaultPage } from './shim.js'

/** More than all answers of a life together may take. */
const patienceMs = 300_000

/** It ended, or said nothing any more, where it should have told of its life. */
export class Died extends Error {}

export class EmbeddingProgram {
  readonly page: FaultPage
  readonly #shim: string
  readonly #folder: string
  #child: ChildProcess | undefined
  #stderr = ''

  constructor(page: FaultPage, shim: string, folder: string) {
    this.page = page
    this.#shim = shim
    this.#folder = folder
  }

  /** @throws Died */
  async live(life: LifeToLive): Promise<Lived> {
    this.#child ??= await this.#start()
    const child = this.#child
    this.#stderr = ''
    const told = this.#word(child)
    child.send(life)
    const lived = (await told) as Lived
    if (!life.closes) await this.kill()
    return lived
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async #start(): Promise<ChildProcess> {
    const args = programArguments(join(import.meta.dirname, 'embedding.ts'))
    const child = fork(args[args.length - 1], [], {
      execArgv: args.slice(0, -1),
      env: this.page.environment(this.#shim, this.#folder),
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      serialization: 'advanced',
    })
    const killAtExit = () => child.kill('SIGKILL')
    process.once('exit', killAtExit)
    child.once('exit', () => process.off('exit', killAtExit))
    child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk
    })
    await this.#word(child)
    return child
  }

  async #word(child: ChildProcess): Promise<unknown> {
    const giveUp = new AbortController()
    const { signal } = giveUp
    const timer = setTimeout(() => giveUp.abort(), patienceMs)
    try {
      const message = once(child, 'message', { signal }).then(([word]) => word)
      const exit = once(child, 'exit', { signal }).then(([code, signalName]) => {
        throw new Died(`the program ended by ${signalName ?? `exit code ${code}`}: ${this.#stderr}`)
      })
      return await Promise.race([message, exit])
    } catch (error) {
      await this.kill()
      throw error instanceof Died ? error : new Died(`the program said nothing for ${patienceMs} ms: ${this.#stderr}`)
    } finally {
      clearTimeout(timer)
      giveUp.abort()
    }
  }
}
