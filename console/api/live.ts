/** What the broker says every second, shared by all pages: one stream, and the history before it. */

import { effect, signal } from '@preact/signals'
import type { Advice, History, LiveTick } from '../../src/console/api-types.js'
import { get, tokenGeneration } from './client.js'
import { openEvents, type StreamState } from './events.js'

/** How far back the charts go. */
export const historySeconds = 600

/** Oldest first; at most {@link historySeconds} of them. */
export const ticks = signal<readonly LiveTick[]>([])
/** null until the stream has said something; pages show what `/api/overview` says until then. */
export const advice = signal<readonly Advice[] | null>(null)
export const liveState = signal<StreamState>('connecting')

/** Follows the broker until the page is left; begins anew with every token. */
export function followBroker(): () => void {
  let close = () => {}
  const stop = effect(() => {
    tokenGeneration.value
    close()
    close = openEvents('api/live', {
      onEvent: (name, data) => {
        if (name === 'tick') addTick(data as LiveTick)
        else if (name === 'advice') advice.value = data as readonly Advice[]
      },
      onState: (state) => {
        liveState.value = state
        if (state === 'open') void loadHistory()
      },
    })
  })
  return () => {
    stop()
    close()
  }
}

function addTick(tick: LiveTick): void {
  const known = ticks.peek()
  const last = known[known.length - 1]
  if (last && tick.timeMs <= last.timeMs) return
  ticks.value = [...known, tick].filter(({ timeMs }) => timeMs > tick.timeMs - historySeconds * 1000)
}

/** Also after a reconnection, which leaves a gap otherwise. */
async function loadHistory(): Promise<void> {
  try {
    const history = await get<History>(`api/history?seconds=${historySeconds}`)
    const end = history.ticks[history.ticks.length - 1]?.timeMs ?? 0
    ticks.value = [...history.ticks, ...ticks.peek().filter(({ timeMs }) => timeMs > end)]
  } catch {
    // The charts begin with what the stream brings.
  }
}
