/** What a page shows while it has nothing to show: loading, empty, failed. Each keeps its place, so that nothing jumps. */

import type { ComponentChildren } from 'preact'
import { RequestFailed } from '../api/client.js'
import type { Loaded } from '../api/use-api.js'

/** Grey bars where text will be; they appear only when loading takes long enough to be noticed. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <div class="loading-bar" key={row} />
      ))}
    </div>
  )
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <div class="empty-text">{children}</div>}
    </div>
  )
}

/** The broker's code and words, and a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const code = error instanceof RequestFailed ? error.code : 'PAGE_FAILED'
  const message = error instanceof Error ? error.message : String(error)
  return (
    <div class="failure" role="alert">
      <div>
        <code class="failure-code">{code}</code>
        <p>{message}</p>
      </div>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

interface LoadedViewProps<T> {
  readonly of: Loaded<T>
  readonly rows?: number
  readonly children: (data: T) => ComponentChildren
}

/** Shows what was loaded; while there is nothing yet, that it loads or why it failed. Old data stays beside an error. */
export function LoadedView<T>({ of, rows, children }: LoadedViewProps<T>) {
  return (
    <>
      {of.error !== undefined && <Failure error={of.error} retry={of.reload} />}
      {of.data !== undefined ? children(of.data) : of.error === undefined && <Loading rows={rows} />}
    </>
  )
}
