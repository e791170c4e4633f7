/** Keyboard shortcuts: single keys and pairs such as `g t`, never while somebody types, each with a line of help. */

import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

export interface Shortcut {
  /** `/`, `?`, or two keys in a row: `g t`. As `KeyboardEvent.key` names them. */
  readonly keys: string
  readonly help: string
  readonly action: () => void
}

/** Those of the page that is shown and those of the frame. The later one wins. */
export const shortcuts = signal<readonly Shortcut[]>([])

export function addShortcuts(added: readonly Shortcut[]): () => void {
  shortcuts.value = [...shortcuts.peek(), ...added]
  return () => {
    shortcuts.value = shortcuts.peek().filter((shortcut) => !added.includes(shortcut))
  }
}

/** A shortcut for as long as the component is shown. */
export function useShortcut(keys: string, help: string, action: () => void): void {
  const latest = useRef(action)
  latest.current = action
  useEffect(() => addShortcuts([{ keys, help, action: () => latest.current() }]), [keys, help])
}

/** How long the first key of a pair waits for its second. */
const pairMs = 1200
let pending = ''
let pendingSince = 0

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return
  if (event.key.length !== 1 || document.querySelector('dialog[open]')) return
  const pair = event.timeStamp - pendingSince < pairMs && pending ? `${pending} ${event.key}` : event.key
  const all = shortcuts.peek()
  const found = all.findLast(({ keys }) => keys === pair) ?? all.findLast(({ keys }) => keys === event.key)
  if (found) {
    pending = ''
    event.preventDefault()
    found.action()
  } else {
    pending = all.some(({ keys }) => keys.startsWith(`${event.key} `)) ? event.key : ''
    pendingSince = event.timeStamp
  }
})

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
