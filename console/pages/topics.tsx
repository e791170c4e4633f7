/** All topics, a page of them at a time, found by a part of their name. */

import { useState } from 'preact/hooks'
import type { Page, TopicRow } from '../../src/console/api-types.js'
import { useApi } from '../api/use-api.js'
import { changeQuery, go, href, place, queryText } from '../app/router.js'
import { useShortcut } from '../app/shortcuts.js'
import { Pager } from '../components/pager.js'
import { Badge, Card, PageHead, SearchField } from '../components/small.js'
import { Empty, Failure, Loading } from '../components/states.js'
import { type Column, Table } from '../components/table.js'
import { bytes, count } from '../format.js'
import { CreateTopic } from './topics/create-topic.js'

const limit = 100

export const topicColumns: readonly Column<TopicRow>[] = [
  {
    key: 'name',
    title: 'Topic',
    cell: (topic) => (
      <>
        <a href={href(['topics', topic.name])}>{topic.name}</a>
        {topic.internal && (
          <>
            {' '}
            <Badge>internal</Badge>
          </>
        )}
        {topic.failed && (
          <>
            {' '}
            <Badge tone="bad">failed</Badge>
          </>
        )}
      </>
    ),
  },
  { key: 'partitions', title: 'Partitions', figure: true, width: '90px', cell: (topic) => count(topic.partitions) },
  { key: 'messages', title: 'Messages', figure: true, width: '130px', cell: (topic) => count(topic.messages) },
  { key: 'size', title: 'Size', figure: true, width: '110px', cell: (topic) => bytes(topic.sizeInBytes) },
  { key: 'layout', title: 'Layout', width: '120px', wideOnly: true, cell: (topic) => topic.layout },
  { key: 'cleanup', title: 'Cleanup', width: '140px', wideOnly: true, cell: (topic) => topic.cleanupPolicy },
]

export function TopicsPage() {
  const { query } = place.value
  const search = query.get('search') ?? ''
  const offset = Math.max(0, Number(query.get('offset')) || 0)
  const topics = useApi<Page<TopicRow>>(`api/topics${queryText({ search, offset, limit })}`, {
    keep: true,
    everyMs: 10_000,
  })
  const [isCreating, setCreating] = useState(false)
  useShortcut('c', 'Create a topic', () => setCreating(true))
  const { data, error, loading } = topics
  return (
    <>
      <PageHead
        title="Topics"
        aside={
          <>
            <SearchField
              value={search}
              label="Find a topic"
              onValue={(text) => changeQuery({ search: text, offset: null })}
            />
            <button type="button" class="primary" onClick={() => setCreating(true)}>
              Create a topic
            </button>
          </>
        }
      />
      {error !== undefined && <Failure error={error} retry={topics.reload} />}
      <Card flush>
        {data ? (
          <>
            <Table
              label="Topics"
              columns={topicColumns}
              rows={data.rows}
              rowKey={(topic) => topic.name}
              onRow={(topic) => go(href(['topics', topic.name]))}
              stale={loading && data.offset !== offset}
              empty={<NoTopics search={search} onCreate={() => setCreating(true)} />}
            />
            <Pager
              total={data.total}
              offset={data.offset}
              limit={limit}
              noun="topics"
              onOffset={(to) => changeQuery({ offset: to || null })}
            />
          </>
        ) : (
          error === undefined && <Loading rows={12} />
        )}
      </Card>
      {isCreating && <CreateTopic onClose={() => setCreating(false)} />}
    </>
  )
}

function NoTopics({ search, onCreate }: { search: string; onCreate: () => void }) {
  if (search) return <Empty title={`No topic's name contains “${search}”.`} />
  return (
    <Empty title="There is no topic yet.">
      <p>Messages are sent to topics and read from them.</p>
      <p>
        <button type="button" class="primary" onClick={onCreate}>
          Create a topic
        </button>
      </p>
    </Empty>
  )
}
