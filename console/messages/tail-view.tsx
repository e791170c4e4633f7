/** Messages as they arrive. Drawn a few times a second whatever the rate; what cannot be shown is counted, not hidden. */

import { useEffect, useRef, useState } from 'preact/hooks'
import type { BrowsedMessage } from '../../src/console/api-types.js'
import { apiPath } from '../api/client.js'
import { type StreamState, useEvents } from '../api/events.js'
import { queryText } from '../app/router.js'
import { useShortcut } from '../app/shortcuts.js'
import { Badge, Card, type Tone } from '../components/small.js'
import { Empty, Failure } from '../components/states.js'
import { count } from '../format.js'
import { MessageTable } from './message-table.js'
import { TailBuffer } from './tail-buffer.js'

const drawEveryMs = 250

interface TailViewProps {
  readonly topic: string
  readonly partition: number | null
  readonly tags: string
  readonly onSendAgain: (message: BrowsedMessage) => void
}

export function TailView({ topic, partition, tags, onSendAgain }: TailViewProps) {
  const buffer = useRef(new TailBuffer()).current
  const [isPaused, setPaused] = useState(false)
  const draw = useDrawing()
  const path = `${apiPath('topics', topic, 'tail')}${queryText({ partition, tags })}`
  const { state, error } = useEvents(path, (name, data) => {
    if (name === 'message') buffer.add(data as BrowsedMessage)
    else if (name === 'dropped') buffer.drop((data as { count: number }).count)
    draw.soon()
  })
  const toggle = () => {
    if (isPaused) buffer.resume()
    else buffer.pause()
    setPaused(!isPaused)
  }
  const clear = () => {
    buffer.clear()
    draw.now()
  }
  useShortcut(' ', 'Pause or go on', toggle)
  const messages = buffer.newest()
  return (
    <Card
      flush
      title={<TailLight state={state} isPaused={isPaused} />}
      aside={
        <>
          <TailCounts buffer={buffer} isPaused={isPaused} />
          <button type="button" class="small" onClick={toggle}>
            {isPaused ? 'Go on' : 'Pause'}
          </button>
          <button type="button" class="quiet small" onClick={clear}>
            Clear
          </button>
        </>
      }
    >
      {error !== undefined && <Failure error={error} />}
      {messages.length > 0 ? (
        <MessageTable topic={topic} messages={messages} onSendAgain={onSendAgain} />
      ) : (
        <Empty title="Waiting for messages.">What is sent to {topic} from now on appears here.</Empty>
      )}
    </Card>
  )
}

const lights: Readonly<Record<StreamState, readonly [Tone, string]>> = {
  connecting: ['plain', 'Connecting'],
  open: ['good', 'Live'],
  waiting: ['warn', 'Reconnecting'],
  refused: ['bad', 'Refused'],
}

function TailLight({ state, isPaused }: { state: StreamState; isPaused: boolean }) {
  const [tone, text] = state === 'open' && isPaused ? (['note', 'Paused'] as const) : lights[state]
  return <Badge tone={tone}>{text}</Badge>
}

function TailCounts({ buffer, isPaused }: { buffer: TailBuffer; isPaused: boolean }) {
  return (
    <span role="status">
      {count(buffer.received)} received
      {isPaused && `, ${count(buffer.waitingCount)} waiting`}
      {buffer.dropped > 0 && (
        <>
          {', '}
          <span
            class="tail-dropped"
            title="They came faster than they can be shown, or the pause was long. None is lost."
          >
            {count(buffer.dropped)} not shown
          </span>
        </>
      )}
    </span>
  )
}

/** Drawing anew at most every {@link drawEveryMs}. */
function useDrawing(): { readonly soon: () => void; readonly now: () => void } {
  const [, setRound] = useState(0)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const now = () => {
    timer.current = undefined
    setRound((round) => round + 1)
  }
  return {
    now,
    soon: () => {
      timer.current ??= setTimeout(now, drawEveryMs)
    },
  }
}
