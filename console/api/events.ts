/**
 * Server-sent events, read with `fetch` and not with `EventSource`, which can carry no token. A stream that ends is opened
 * again, later and later; one that nobody looks at is closed, since a browser has only a few connections to one server.
 */

import { useEffect, useRef, useState } from 'preact/hooks'
import { RequestFailed, send, tokenGeneration } from './client.js'

export type StreamState = 'connecting' | 'open' | 'waiting' | 'refused'

export interface StreamHandlers {
  readonly onEvent: (name: string, data: unknown) => void
  readonly onState?: (state: StreamState, error?: unknown) => void
}

const firstPauseMs = 500
const longestPauseMs = 10_000

/** Opens the stream and keeps it open. Returns what closes it. */
export function openEvents(path: string, { onEvent, onState }: StreamHandlers): () => void {
  let abort = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let closed = false
  let pauseMs = firstPauseMs

  const run = async () => {
    abort = new AbortController()
    const { signal } = abort
    onState?.('connecting')
    try {
      const response = await send(path, { signal, headers: { accept: 'text/event-stream' } })
      onState?.('open')
      for await (const [name, data] of readEvents(response)) {
        pauseMs = firstPauseMs
        onEvent(name, data)
      }
      again()
    } catch (error) {
      if (signal.aborted) return
      const isFinal =
        error instanceof RequestFailed && error.status >= 400 && error.status < 500 && error.status !== 429
      if (isFinal) onState?.('refused', error)
      else again(error)
    }
  }
  const again = (error?: unknown) => {
    if (closed) return
    onState?.('waiting', error)
    timer = setTimeout(run, pauseMs)
    pauseMs = Math.min(pauseMs * 2, longestPauseMs)
  }
  const stop = () => {
    clearTimeout(timer)
    abort.abort()
  }
  const onVisibility = () => {
    stop()
    if (!document.hidden) void run()
  }
  document.addEventListener('visibilitychange', onVisibility)
  if (!document.hidden) void run()
  return () => {
    closed = true
    document.removeEventListener('visibilitychange', onVisibility)
    stop()
  }
}

async function* readEvents(response: Response): AsyncGenerator<[name: string, data: unknown]> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!reader) return
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    rest += value.replaceAll('\r\n', '\n')
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseEvent(block)
      if (event) yield event
    }
  }
}

function parseEvent(block: string): [name: string, data: unknown] | null {
  let name = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, field, text] = /^(\w+): ?(.*)$/.exec(line) ?? []
    if (field === 'event') name = text
    else if (field === 'data') data.push(text)
  }
  return data.length > 0 ? [name, JSON.parse(data.join('\n'))] : null
}

/** A stream for as long as the component is shown; `path` null keeps it closed. */
export function useEvents(
  path: string | null,
  onEvent: StreamHandlers['onEvent'],
): { readonly state: StreamState; readonly error: unknown } {
  const [state, setState] = useState<{ state: StreamState; error: unknown }>({ state: 'connecting', error: undefined })
  const latest = useRef(onEvent)
  latest.current = onEvent
  const generation = tokenGeneration.value
  useEffect(() => {
    if (path === null) return
    return openEvents(path, {
      onEvent: (name, data) => latest.current(name, data),
      onState: (next, error) => setState({ state: next, error }),
    })
  }, [path, generation])
  return state
}
