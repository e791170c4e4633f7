/** The messages of a topic: browsed from any point, followed live, sent. */

import { useState } from 'preact/hooks'
import type { BrowsedMessage, MessagePage, TopicDetail } from '../../src/console/api-types.js'
import { apiPath } from '../api/client.js'
import { useApi } from '../api/use-api.js'
import { changeQuery, href, type Params, place } from '../app/router.js'
import { useShortcut } from '../app/shortcuts.js'
import { PageHead } from '../components/small.js'
import { Failure } from '../components/states.js'
import { BrowseForm } from '../messages/browse-form.js'
import { BrowsedPages } from '../messages/browsed-pages.js'
import { firstPagePath } from '../messages/paging.js'
import { ProduceDialog } from '../messages/produce-dialog.js'
import { type Browse, browseOf, newest, parametersOf } from '../messages/query.js'
import { TailView } from '../messages/tail-view.js'

/** What is open over the page: nothing, an empty message, or one after the pattern of another. */
type Sending = { readonly pattern: BrowsedMessage | null } | null

export function MessagesPage({ params: { topic } }: { params: Params }) {
  const { query } = place.value
  const isLive = query.get('live') === '1'
  const browse = browseOf(query)
  const detail = useApi<TopicDetail>(apiPath('topics', topic))
  const first = useApi<MessagePage>(isLive ? null : firstPagePath(topic, browse), { keep: true })
  const [sending, setSending] = useState<Sending>(null)
  const showLive = (live: boolean) => changeQuery({ live: live ? 1 : null })
  const sendAgain = (pattern: BrowsedMessage) => setSending({ pattern })
  useShortcut('l', 'Live, or browse', () => showLive(!isLive))
  useShortcut('n', 'Send a message', () => setSending({ pattern: null }))
  return (
    <>
      <PageHead
        title="Messages"
        path={[
          ['Topics', href(['topics'])],
          [topic, href(['topics', topic])],
        ]}
        aside={
          <>
            <button type="button" aria-pressed={isLive} onClick={() => showLive(!isLive)}>
              Live tail
            </button>
            <button type="button" class="primary" onClick={() => setSending({ pattern: null })}>
              Send a message…
            </button>
          </>
        }
      />
      {detail.error !== undefined && first.error === undefined && !isLive && (
        <Failure error={detail.error} retry={detail.reload} />
      )}
      {isLive ? (
        <TailView topic={topic} partition={browse.partition} tags={browse.tags} onSendAgain={sendAgain} />
      ) : (
        <>
          <BrowseForm
            browse={browse}
            partitions={detail.data?.partitions}
            onBrowse={(next) => (isSame(browse, next) ? first.reload() : browseTo(next))}
          />
          <BrowsedPages
            topic={topic}
            browse={browse}
            first={first}
            partitionRows={detail.data?.partitionRows ?? []}
            onSendAgain={sendAgain}
          />
        </>
      )}
      {sending && (
        <ProduceDialog topic={topic} pattern={sending.pattern} onSent={first.reload} onClose={() => setSending(null)} />
      )}
    </>
  )
}

const noParameters = Object.fromEntries(['partition', 'by', 'at', 'tags', 'limit'].map((name) => [name, null]))

function browseTo(browse: Browse): void {
  changeQuery({ ...noParameters, ...Object.fromEntries(parametersOf(browse)) })
}

function isSame(a: Browse, b: Browse): boolean {
  return JSON.stringify({ ...newest, ...a }) === JSON.stringify({ ...newest, ...b })
}
