/** What `for await` runs over: messages from a source that pushes, with an end that cleans up. */

import type { Message } from './message.js'

/** Where the messages of a stream come from. */
export interface MessageSource<M> {
  /** Begins; called once. `wake`: there may be something to take. `fail`: it goes on no more. */
  start(events: { readonly wake: () => void; readonly fail: (error: unknown) => void }): void
  /** The next message, or undefined where there is none now. May throw. */
  take(): M | undefined
  /** There will never be one again. */
  readonly isEnded: boolean
  /** Lets go of everything; called once. */
  stop(): Promise<void>
}

interface Waiter<M> {
  resolve(result: IteratorResult<M, undefined>): void
  reject(error: unknown): void
}

/**
 * Messages to iterate over. Nothing happens before the first `next()`. Leaving the loop by `break`, `return` or an
 * exception closes the stream, and so do {@link close} from elsewhere and the closing of the queue: the iteration then
 * just ends. An aborted signal makes it throw `signal.reason`, as Node's own iterators do.
 */
export class MessageStream<M extends Message> implements AsyncIterableIterator<M, undefined>, AsyncDisposable {
  readonly #source: MessageSource<M>
  readonly #signal: AbortSignal | undefined
  readonly #onClosed: (stream: MessageStream<M>) => void
  readonly #onAbort = (): void => this.#fail(this.#signal?.reason)
  #waiters: Waiter<M>[] = []
  #started = false
  #failure: { readonly error: unknown } | undefined
  #closing: Promise<void> | undefined

  constructor(
    source: MessageSource<M>,
    options: { readonly signal?: AbortSignal; readonly onClosed: (stream: MessageStream<M>) => void },
  ) {
    this.#source = source
    this.#signal = options.signal
    this.#onClosed = options.onClosed
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<M, undefined>> {
    if (this.#closing !== undefined) return this.#end()
    if (!this.#started) this.#start()
    if (this.#waiters.length === 0 && this.#closing === undefined) {
      const message = this.#take()
      if (message !== undefined) return Promise.resolve({ done: false, value: message })
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#pump()
    })
  }

  async return(): Promise<IteratorResult<M, undefined>> {
    await this.close()
    return { done: true, value: undefined }
  }

  async throw(error?: unknown): Promise<IteratorResult<M, undefined>> {
    await this.close()
    throw error
  }

  /** Ends the iteration and waits until everything behind it has been let go; a consumer in a group has left it then. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#signal?.removeEventListener('abort', this.#onAbort)
      this.#closing = (this.#started ? this.#source.stop() : Promise.resolve()).finally(() => this.#onClosed(this))
      void this.#closing.then(
        () => this.#settleWaiters(),
        () => this.#settleWaiters(),
      )
    }
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #start(): void {
    this.#started = true
    if (this.#signal?.aborted) {
      this.#fail(this.#signal.reason)
      return
    }
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#source.start({ wake: () => this.#pump(), fail: (error) => this.#fail(error) })
  }

  #take(): M | undefined {
    try {
      return this.#source.take()
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  #pump(): void {
    while (this.#waiters.length > 0 && this.#closing === undefined) {
      const message = this.#take()
      if (message === undefined) break
      this.#waiters.shift()?.resolve({ done: false, value: message })
    }
    if (this.#closing === undefined && this.#waiters.length > 0 && this.#source.isEnded) void this.close()
  }

  #fail(error: unknown): void {
    if (this.#closing !== undefined) return
    this.#failure = { error }
    // Those who wait are told when everything has been let go, as `for await` does not close what throws.
    this.close().catch(() => {})
  }

  /** The failure is thrown once; after it, and after a close, the iteration is over. */
  async #end(): Promise<IteratorResult<M, undefined>> {
    await this.#closing?.catch(() => {})
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
    return { done: true, value: undefined }
  }

  #settleWaiters(): void {
    for (const waiter of this.#waiters.splice(0)) {
      const failure = this.#failure
      this.#failure = undefined
      if (failure !== undefined) waiter.reject(failure.error)
      else waiter.resolve({ done: true, value: undefined })
    }
  }
}
