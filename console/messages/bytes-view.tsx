/** A key, value or header: laid out as JSON, as text, or as hex, with its size and a way to copy it. */

import { signal } from '@preact/signals'
import type { ShownBytes } from '../../src/console/api-types.js'
import { CopyButton } from '../components/small.js'
import { count, bytes as sizeText } from '../format.js'
import { type ByteView, copyText, show } from './bytes.js'

/** Chosen once for all messages of the page, so that it stays while one goes from one to the next. */
export const byteView = signal<ByteView>('auto')

const views: readonly (readonly [ByteView, string])[] = [
  ['auto', 'Auto'],
  ['json', 'JSON'],
  ['text', 'Text'],
  ['hex', 'Hex'],
]

export function nextByteView(): void {
  const at = views.findIndex(([view]) => view === byteView.value)
  byteView.value = views[(at + 1) % views.length][0]
}

export function ByteViewChoice() {
  return (
    <fieldset class="choice" aria-label="Show values as">
      {views.map(([view, text]) => (
        <button
          type="button"
          key={view}
          class="small"
          aria-pressed={byteView.value === view}
          onClick={() => {
            byteView.value = view
          }}
        >
          {text}
        </button>
      ))}
    </fieldset>
  )
}

export function BytesView({ of, label }: { of: ShownBytes | null; label: string }) {
  if (of === null) {
    return (
      <div class="bytes">
        <header>
          <h3>{label}</h3>
          <span class="quiet-text small-text">null</span>
        </header>
      </div>
    )
  }
  const shown = show(of, byteView.value)
  return (
    <div class={`bytes${shown.view === 'hex' ? ' is-hex' : ''}`}>
      <header>
        <h3>{label}</h3>
        <span class="quiet-text small-text">
          {shown.view} · {sizeText(of.sizeInBytes)}
          {of.cut && ` · the first ${count(shownSize(of))} bytes are shown`}
        </span>
        <CopyButton text={copyText(of)} label={of.text === null ? 'Copy base64' : 'Copy'} />
      </header>
      {of.sizeInBytes === 0 ? <p class="quiet-text small-text">empty</p> : <pre dir="ltr">{shown.text}</pre>}
    </div>
  )
}

function shownSize({ base64 }: ShownBytes): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4)
}
