/** A contender in a process of its own, so that an event loop which one blocks, or its garbage, disturbs no other. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BlockResult, Contender, Options } from './contender.js'

export type Request =
  | { readonly do: 'start'; readonly kind: string; readonly options: Options }
  | { readonly do: 'prepare' | 'close' }
  | { readonly do: 'block'; readonly ms: number }

export interface Reply {
  readonly error?: string
  readonly info?: Contender['info']
  readonly result?: BlockResult
}

export interface ChildOptions {
  /** Put in front of the command, e.g. strace with its arguments. */
  readonly wrapper?: readonly string[]
}

const main = join(import.meta.dirname, 'child-main.ts')
const longestStepMs = 300_000

/** Whatever happens to the harness, no contender outlives it. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})

/** Starts `contenders/<kind>.ts` in a process of its own. Fails with what that says. */
export async function inChild(kind: string, options: Options, { wrapper = [] }: ChildOptions = {}): Promise<Contender> {
  const [program, ...args] = [...wrapper, process.execPath, '--import', 'tsx', main]
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.disconnect()
    await exited
  }
  try {
    const { info } = await ask(child, { do: 'start', kind, options })
    return {
      info: { ...info, pid: child.pid ?? 0 },
      async prepare() {
        await ask(child, { do: 'prepare' })
      },
      async block(ms) {
        const { result } = await ask(child, { do: 'block', ms })
        if (result === undefined) throw new Error(`${kind} gave no result`)
        return result
      },
      async close() {
        await ask(child, { do: 'close' }).finally(end)
      },
    }
  } catch (error) {
    child.kill('SIGTERM')
    throw error
  }
}

/** One request at a time. */
async function ask(child: ChildProcess, request: Request): Promise<Reply> {
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(longestStepMs)])
  const answered = once(child, 'message', { signal }) as Promise<[Reply]>
  const ended = once(child, 'exit', { signal }).then(([code, by]): never => {
    throw new Error(`the process of the contender ended with ${code ?? by}`)
  })
  child.send(request)
  try {
    const [reply] = await Promise.race([answered, ended])
    if (reply.error !== undefined) throw new Error(reply.error)
    return reply
  } finally {
    stop.abort()
    await Promise.allSettled([answered, ended])
  }
}
