/** Short words about what was done, in a corner, gone by themselves. */

import { signal } from '@preact/signals'

interface Toast {
  readonly id: number
  readonly text: string
  readonly isError: boolean
}

const shownMs = 5000
const toasts = signal<readonly Toast[]>([])
let lastId = 0

export function toast(text: string, { isError = false } = {}): void {
  const id = ++lastId
  toasts.value = [...toasts.value.slice(-3), { id, text, isError }]
  setTimeout(() => dismiss(id), shownMs)
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id)
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, isError }) => (
        <button type="button" key={id} class={`toast${isError ? ' is-error' : ''}`} onClick={() => dismiss(id)}>
          {text}
        </button>
      ))}
    </div>
  )
}
