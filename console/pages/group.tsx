/** One consumer group: who is in it, who reads what, how far each partition is, and how the lag came about. */

import { useMemo, useRef, useState } from 'preact/hooks'
import type { GroupDetail } from '../../src/console/api-types.js'
import { apiPath, change } from '../api/client.js'
import { useApi } from '../api/use-api.js'
import { go, href, type Params } from '../app/router.js'
import { useShortcut } from '../app/shortcuts.js'
import { Chart } from '../components/chart.js'
import { Dialog } from '../components/dialog.js'
import { Card, Facts, PageHead } from '../components/small.js'
import { Empty, LoadedView } from '../components/states.js'
import { type Column, Table } from '../components/table.js'
import { toast } from '../components/toasts.js'
import { count, plural, short } from '../format.js'
import { GroupState } from '../groups/group-state.js'
import { ResetDialog } from '../groups/reset-dialog.js'
import { visible } from '../messages/bytes.js'

type Member = GroupDetail['memberRows'][number]
type LagAt = GroupDetail['lagOverTime'][number]
type CommittedOffset = GroupDetail['offsets'][number]

export function GroupPage({ params: { group } }: { params: Params }) {
  const detail = useApi<GroupDetail>(apiPath('groups', group), { everyMs: 2000 })
  const [opened, setOpened] = useState<'reset' | 'delete' | null>(null)
  const close = () => setOpened(null)
  useShortcut('e', 'Reset offsets', () => setOpened('reset'))
  return (
    <>
      <PageHead
        title={visible(group)}
        path={[['Groups', href(['groups'])]]}
        aside={
          <>
            <button type="button" disabled={!detail.data} onClick={() => setOpened('reset')}>
              Reset offsets…
            </button>
            <button type="button" class="danger" disabled={!detail.data} onClick={() => setOpened('delete')}>
              Delete…
            </button>
          </>
        }
      />
      <LoadedView of={detail} rows={8}>
        {(data) => <GroupBody of={data} />}
      </LoadedView>
      {opened === 'reset' && detail.data && <ResetDialog group={detail.data} onDone={detail.reload} onClose={close} />}
      {opened === 'delete' && <DeleteDialog group={group} members={detail.data?.members ?? 0} onClose={close} />}
    </>
  )
}

function GroupBody({ of }: { of: GroupDetail }) {
  return (
    <>
      <div class="grid is-two">
        <Card title="Now">
          <Facts
            of={[
              ['State', <GroupState state={of.state} />],
              ['Members', count(of.members)],
              ['Lag', count(of.lag)],
              ['Protocol', of.protocol || '–'],
              ['Topics', of.topics.map(visible).join(', ') || '–'],
            ]}
          />
        </Card>
        <Card title="Lag over time">
          <LagChart of={of} />
        </Card>
      </div>
      <Card flush title="Members" aside={plural(of.memberRows.length, 'member')}>
        <Table
          label="Members"
          columns={memberColumns}
          rows={of.memberRows}
          rowKey={({ id }) => id}
          empty={<Empty title="Nobody is in this group now.">Its offsets stay until they expire or are deleted.</Empty>}
        />
      </Card>
      <Card flush title="Offsets" aside={plural(of.offsets.length, 'partition')}>
        <Table
          label="Offsets"
          columns={offsetColumns}
          rows={[...of.offsets].sort(byPlace)}
          rowKey={({ topic, partition }) => `${topic}/${partition}`}
          maxHeight={520}
          empty={<Empty title="The group has committed nothing yet." />}
        />
      </Card>
    </>
  )
}

const memberColumns: readonly Column<Member>[] = [
  { key: 'client', title: 'Client', cell: ({ clientId }) => visible(clientId), width: '20%' },
  { key: 'host', title: 'Host', cell: ({ host }) => host, width: '150px', wideOnly: true },
  {
    key: 'partitions',
    title: 'Partitions',
    cell: ({ partitions }) => <span title={assignmentText(partitions)}>{assignmentText(partitions)}</span>,
  },
  { key: 'id', title: 'Member id', cell: ({ id }) => <code>{visible(id)}</code>, wideOnly: true },
]

/** `orders 0, 1, 4 · payments 2`. */
function assignmentText(partitions: Member['partitions']): string {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of partitions) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition])
  const texts = [...byTopic].map(([topic, numbers]) => `${visible(topic)} ${numbers.sort((a, b) => a - b).join(', ')}`)
  return texts.join(' · ') || '–'
}

const offsetColumns: readonly Column<CommittedOffset>[] = [
  { key: 'topic', title: 'Topic', cell: ({ topic }) => <a href={href(['topics', topic])}>{visible(topic)}</a> },
  { key: 'partition', title: 'Partition', cell: ({ partition }) => partition, figure: true, width: '90px' },
  {
    key: 'committed',
    title: 'Committed',
    cell: ({ topic, partition, committed }) => (
      <a href={href(['topics', topic, 'messages'], { partition, by: 'offset', at: committed })}>{count(committed)}</a>
    ),
    figure: true,
    width: '130px',
  },
  {
    key: 'end',
    title: 'End',
    cell: ({ highWatermark }) => count(highWatermark),
    figure: true,
    width: '130px',
    wideOnly: true,
  },
  { key: 'lag', title: 'Lag', cell: ({ lag }) => count(lag), figure: true, width: '110px' },
]

function byPlace(a: CommittedOffset, b: CommittedOffset): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition
}

/** What the broker remembers, which it looks at every ten seconds, and what this page has seen since. */
function LagChart({ of }: { of: GroupDetail }) {
  const seen = useRef<LagAt[]>([])
  const [times, series] = useMemo(() => {
    const lastMs = of.lagOverTime[of.lagOverTime.length - 1]?.timeMs ?? 0
    seen.current = [...seen.current, { timeMs: Date.now(), lag: of.lag }].filter(({ timeMs }) => timeMs > lastMs)
    const points = [...of.lagOverTime, ...seen.current]
    const values = points.map(({ lag }) => lag)
    return [
      points.map(({ timeMs }) => timeMs),
      [{ label: 'Lag', token: '--series-3', values, isFilled: true }],
    ] as const
  }, [of])
  if (times.length < 2) return <Empty title="The line begins in a few seconds." />
  return <Chart label="Lag over time" times={times} series={series} format={short} height={150} />
}

function DeleteDialog({ group, members, onClose }: { group: string; members: number; onClose: () => void }) {
  const remove = async () => {
    await change('DELETE', apiPath('groups', group))
    toast(`Group ${visible(group)} is deleted`)
    go(href(['groups']))
  }
  return (
    <Dialog
      title={`Delete ${visible(group)}?`}
      action="Delete the group"
      isDangerous
      onAction={remove}
      onClose={onClose}
    >
      <p>
        Its committed offsets are forgotten. Consumers that join under this name begin where their settings say. No
        message is deleted.
      </p>
      {members > 0 && (
        <p class="problem">It has {plural(members, 'member')} now. Only a group without members can be deleted.</p>
      )}
    </Dialog>
  )
}
