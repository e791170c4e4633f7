/** Pages of messages: the first as the form asked for it, older and newer ones from there. */

import { useEffect, useState } from 'preact/hooks'
import type { BrowsedMessage, MessagePage, PartitionRow } from '../../src/console/api-types.js'
import type { Loaded } from '../api/use-api.js'
import { useShortcut } from '../app/shortcuts.js'
import { Card } from '../components/small.js'
import { Empty, Failure, LoadedView } from '../components/states.js'
import { count, plural } from '../format.js'
import { MessageTable } from './message-table.js'
import { mostPartitionsAtOnce, newerPage, newestFirst, olderPage, oldestFirst } from './paging.js'
import type { Browse } from './query.js'

interface BrowsedPagesProps {
  readonly topic: string
  readonly browse: Browse
  readonly first: Loaded<MessagePage>
  readonly partitionRows: readonly PartitionRow[]
  readonly onSendAgain: (message: BrowsedMessage) => void
}

export function BrowsedPages({ topic, browse, first, partitionRows, onSendAgain }: BrowsedPagesProps) {
  const [turned, setTurned] = useState<MessagePage | null>(null)
  const [error, setError] = useState<unknown>()
  const [isTurning, setTurning] = useState(false)
  // What the form asked for, once it is there, takes the place of a page that was turned to.
  useEffect(() => {
    setTurned(null)
    setError(undefined)
  }, [first.data, topic])

  const turn = async (load: Promise<MessagePage>) => {
    setTurning(true)
    try {
      setTurned(await load)
      setError(undefined)
    } catch (failure) {
      setError(failure)
    } finally {
      setTurning(false)
    }
  }
  const starts = new Map(partitionRows.map(({ partition, logStartOffset }) => [partition, logStartOffset]))
  return (
    <Card flush>
      {error !== undefined && <Failure error={error} />}
      <LoadedView of={first} rows={8}>
        {(loaded) => {
          const page = turned ?? loaded
          const messages = isForward(browse) ? oldestFirst(page.messages) : newestFirst(page.messages)
          return (
            <>
              {messages.length > 0 ? (
                <MessageTable
                  topic={topic}
                  messages={messages}
                  isStale={isTurning || first.loading}
                  onSendAgain={onSendAgain}
                />
              ) : (
                <NoMessages browse={browse} isTurned={turned !== null} />
              )}
              <Turning
                page={page}
                starts={starts}
                canTurn={browse.by !== 'key' && browse.by !== 'id'}
                isBusy={isTurning}
                onOlder={() => turn(olderPage(topic, browse, page.positions, starts))}
                onNewer={() => turn(newerPage(topic, browse, page.positions))}
                onFirst={first.reload}
              />
            </>
          )
        }}
      </LoadedView>
    </Card>
  )
}

interface TurningProps {
  readonly page: MessagePage
  readonly starts: ReadonlyMap<number, number>
  readonly canTurn: boolean
  readonly isBusy: boolean
  readonly onOlder: () => void
  readonly onNewer: () => void
  readonly onFirst: () => void
}

function Turning({ page, starts, canTurn, isBusy, onOlder, onNewer, onFirst }: TurningProps) {
  const { positions, messages } = page
  const isTooWide = positions.length > mostPartitionsAtOnce
  const mayTurn = canTurn && !isBusy && !isTooWide
  const hasOlder = mayTurn && positions.some(({ partition, first }) => first > (starts.get(partition) ?? 0))
  const hasNewer = mayTurn && positions.some(({ next, end }) => next < end)
  useShortcut('[', 'Newer messages', () => hasNewer && onNewer())
  useShortcut(']', 'Older messages', () => hasOlder && onOlder())
  useShortcut('r', 'Read again from where the form says', onFirst)
  const [only] = positions
  const place =
    positions.length === 1 && only.next > only.first
      ? `, offsets ${count(only.first)} to ${count(only.next - 1)} of partition ${only.partition}, which ends at ${count(only.end)}`
      : ''
  return (
    <nav class="pager" aria-label="Pages of messages">
      <span class="pager-text">
        {plural(messages.length, 'message')}
        {place}
        {isTooWide && canTurn && '. Choose a partition to turn pages.'}
      </span>
      <button type="button" class="quiet" onClick={onFirst}>
        Read again
      </button>
      {canTurn && (
        <>
          <button type="button" class="quiet" disabled={!hasNewer} onClick={onNewer}>
            ‹ Newer
          </button>
          <button type="button" class="quiet" disabled={!hasOlder} onClick={onOlder}>
            Older ›
          </button>
        </>
      )}
    </nav>
  )
}

function NoMessages({ browse, isTurned }: { browse: Browse; isTurned: boolean }) {
  if (isTurned) return <Empty title="No messages on this page." />
  if (browse.by === 'key' || browse.by === 'id') {
    return (
      <Empty title={`No message has this ${browse.by === 'key' ? 'key' : 'id'}.`}>
        It may have been removed by now.
      </Empty>
    )
  }
  if (browse.by === 'newest' && browse.partition === null && browse.tags === '') {
    return <Empty title="The topic is empty.">Send a message, or point a producer at it.</Empty>
  }
  return <Empty title="No messages from there on." />
}

/** From a chosen point on one reads in the order of time; the newest and what was found come newest first. */
function isForward({ by }: Browse): boolean {
  return by === 'oldest' || by === 'offset' || by === 'time'
}
