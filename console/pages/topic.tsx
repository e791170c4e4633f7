/** One topic: its partitions and how far they are durable, its settings and their origin, its groups. */

import { useState } from 'preact/hooks'
import type { PartitionRow, TopicDetail } from '../../src/console/api-types.js'
import { apiPath } from '../api/client.js'
import { type Loaded, useApi } from '../api/use-api.js'
import { href, type Params } from '../app/router.js'
import { Badge, Card, Facts, PageHead } from '../components/small.js'
import { LoadedView } from '../components/states.js'
import { type Column, Table } from '../components/table.js'
import { bytes, count, plural } from '../format.js'
import { TopicConfig } from './topics/topic-config.js'
import { DeleteTopic, GrowTopic } from './topics/topic-dialogs.js'

export function TopicPage({ params }: { params: Params }) {
  const name = params['topic']
  const topic = useApi<TopicDetail>(apiPath('topics', name), { everyMs: 2000 })
  const [dialog, setDialog] = useState<'grow' | 'delete' | null>(null)
  const { data } = topic
  const close = () => setDialog(null)
  return (
    <>
      <PageHead
        path={[['Topics', '#/topics']]}
        title={
          <>
            {name}
            {data?.internal && <Badge>internal</Badge>}
            {data?.failed && <Badge tone="bad">failed</Badge>}
          </>
        }
        aside={
          <>
            <a class="button" href={href(['topics', name, 'messages'])}>
              Messages
            </a>
            <button type="button" disabled={!data} onClick={() => setDialog('grow')}>
              Add partitions
            </button>
            <button type="button" class="danger" disabled={!data || data.internal} onClick={() => setDialog('delete')}>
              Delete
            </button>
          </>
        }
      />
      <LoadedView of={topic} rows={8}>
        {(detail) => <TopicView topic={topic} detail={detail} />}
      </LoadedView>
      {dialog === 'grow' && data && <GrowTopic topic={data} onDone={topic.set} onClose={close} />}
      {dialog === 'delete' && data && <DeleteTopic topic={data} onClose={close} />}
    </>
  )
}

function TopicView({ topic, detail }: { topic: Loaded<TopicDetail>; detail: TopicDetail }) {
  const { partitionRows } = detail
  const unflushed = partitionRows.reduce((sum, row) => sum + gapOf(row), 0)
  const columns = [...partitionColumns, storageColumn(detail)]
  return (
    <>
      <Card>
        <Facts
          of={[
            ['Messages', count(detail.messages)],
            ['Size', bytes(detail.sizeInBytes)],
            ['Partitions', count(detail.partitions)],
            ['Not yet durable', plural(unflushed, 'message')],
            ['Layout', detail.layout],
            ['Cleanup', detail.cleanupPolicy],
            ['Groups', <GroupLinks groups={detail.groups} />],
            ['Id', <code class="small-text">{detail.id}</code>],
          ]}
        />
      </Card>
      <Card
        flush
        title="Partitions"
        aside={
          partitionRows.length < detail.partitions &&
          `the first ${count(partitionRows.length)} of ${count(detail.partitions)}`
        }
      >
        <Table
          label="Partitions"
          columns={columns}
          rows={partitionRows}
          rowKey={(row) => row.partition}
          maxHeight={476}
        />
      </Card>
      <TopicConfig topic={detail} onDone={topic.set} />
    </>
  )
}

function GroupLinks({ groups }: { groups: readonly string[] }) {
  if (groups.length === 0) return <>none</>
  return (
    <span class="links">
      {groups.slice(0, 8).map((group) => (
        <a key={group} href={href(['groups', group])}>
          {group}
        </a>
      ))}
      {groups.length > 8 && <span>and {count(groups.length - 8)} more</span>}
    </span>
  )
}

/** What a loss of power could still take away. */
function gapOf({ logEndOffset, durableOffset }: PartitionRow): number {
  return Math.max(0, logEndOffset - durableOffset)
}

const partitionColumns: readonly Column<PartitionRow>[] = [
  {
    key: 'partition',
    title: 'Partition',
    cell: ({ partition, failure }) => (
      <>
        {partition}
        {failure !== null && (
          <>
            {' '}
            <Badge tone="bad" title={failure}>
              {failure}
            </Badge>
          </>
        )}
      </>
    ),
  },
  {
    key: 'start',
    title: 'Start',
    figure: true,
    help: 'Offset of the first message that is kept',
    cell: (row) => count(row.logStartOffset),
  },
  {
    key: 'high',
    title: 'High watermark',
    figure: true,
    help: 'Consumers see the messages below it',
    cell: (row) => count(row.highWatermark),
  },
  {
    key: 'stable',
    title: 'Last stable',
    figure: true,
    wideOnly: true,
    help: 'Below it no transaction is open',
    cell: (row) => count(row.lastStableOffset),
  },
  {
    key: 'durable',
    title: 'Durable',
    figure: true,
    help: 'Messages below it outlive a loss of power',
    cell: (row) => count(row.durableOffset),
  },
  {
    key: 'end',
    title: 'End',
    figure: true,
    help: 'Offset of the next message',
    cell: (row) => count(row.logEndOffset),
  },
  {
    key: 'gap',
    title: 'Gap',
    figure: true,
    help: 'Messages that are written but not yet durable',
    cell: (row) => (gapOf(row) > 0 ? <span class="is-warn-text">{count(gapOf(row))}</span> : '0'),
  },
  { key: 'size', title: 'Size', figure: true, cell: (row) => bytes(row.sizeInBytes) },
]

function storageColumn({ name, layout }: TopicDetail): Column<PartitionRow> {
  return {
    key: 'files',
    title: '',
    figure: true,
    width: '70px',
    wideOnly: true,
    cell: ({ partition }) => (
      <a href={layout === 'commitlog' ? '#/storage/commitlog' : href(['storage', name, partition])}>Files</a>
    ),
  }
}
