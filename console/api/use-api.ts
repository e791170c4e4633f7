/** Loads what the API says under a path, for as long as a component is shown. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { get, RequestFailed, tokenGeneration } from './client.js'

export interface Loaded<T> {
  /** Stays what it was while the same path is loaded again, so that nothing jumps. */
  readonly data: T | undefined
  readonly error: unknown
  readonly loading: boolean
  readonly reload: () => void
  /** Takes over what a change has answered, without asking again. */
  readonly set: (data: T) => void
}

interface State<T> {
  readonly path: string | null
  readonly data?: T
  readonly error?: unknown
  readonly loading: boolean
}

export interface ApiOptions {
  /** Asks again this long after each answer, while the page is visible. */
  readonly everyMs?: number
  /** Shows what the last path gave until the next one has answered, e.g. while one turns pages. */
  readonly keep?: boolean
}

/** `path` null loads nothing yet. */
export function useApi<T>(path: string | null, { everyMs, keep = false }: ApiOptions = {}): Loaded<T> {
  const [state, setState] = useState<State<T>>({ path, loading: path !== null })
  const [round, setRound] = useState(0)
  const generation = tokenGeneration.value
  const current = useRef(path)
  current.current = path

  useEffect(() => {
    if (path === null) return
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = async () => {
      try {
        const data = await get<T>(path, abort.signal)
        if (!abort.signal.aborted) setState({ path, data, loading: false })
      } catch (error) {
        if (abort.signal.aborted) return
        setState((before) => ({
          ...before,
          path,
          error,
          loading: false,
          data: before.path === path ? before.data : undefined,
        }))
        // Asked again once there is a token; till then the user would be asked for it over and over.
        if (error instanceof RequestFailed && error.status === 401) return
      }
      if (everyMs !== undefined && !abort.signal.aborted) timer = setTimeout(whenVisible, everyMs)
    }
    const whenVisible = () => {
      if (!document.hidden) void load()
      else document.addEventListener('visibilitychange', whenVisible, { once: true, signal: abort.signal })
    }
    setState((before) => ({ ...before, loading: true }))
    void load()
    return () => {
      abort.abort()
      clearTimeout(timer)
    }
  }, [path, round, generation, everyMs])

  const fits = state.path === path
  return {
    data: fits || keep ? state.data : undefined,
    error: fits ? state.error : undefined,
    loading: state.loading || !fits,
    reload: () => setRound((value) => value + 1),
    set: (data) => setState({ path: current.current, data, loading: false }),
  }
}
