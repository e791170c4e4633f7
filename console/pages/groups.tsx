/** All consumer groups, and how far each is behind. */

import type { GroupRow, Page } from '../../src/console/api-types.js'
import { useApi } from '../api/use-api.js'
import { changeQuery, href, place, queryText } from '../app/router.js'
import { Pager } from '../components/pager.js'
import { Card, PageHead, SearchField } from '../components/small.js'
import { Empty, LoadedView } from '../components/states.js'
import { type Column, Table } from '../components/table.js'
import { count } from '../format.js'
import { GroupState } from '../groups/group-state.js'
import { visible } from '../messages/bytes.js'

const limit = 100

const columns: readonly Column<GroupRow>[] = [
  { key: 'id', title: 'Group', cell: ({ id }) => <a href={href(['groups', id])}>{visible(id)}</a> },
  { key: 'state', title: 'State', cell: ({ state }) => <GroupState state={state} />, width: '150px' },
  { key: 'members', title: 'Members', cell: ({ members }) => count(members), figure: true, width: '90px' },
  { key: 'topics', title: 'Topics', cell: ({ topics }) => topics.map(visible).join(', ') || '–', wideOnly: true },
  {
    key: 'lag',
    title: 'Lag',
    help: 'Messages that the group has not committed yet',
    cell: ({ lag }) => count(lag),
    figure: true,
    width: '120px',
  },
]

export function GroupsPage() {
  const { query } = place.value
  const search = query.get('search') ?? ''
  const offset = Number(query.get('offset') ?? 0) || 0
  const groups = useApi<Page<GroupRow>>(`api/groups${queryText({ search, offset, limit })}`, {
    everyMs: 3000,
    keep: true,
  })
  return (
    <>
      <PageHead
        title="Groups"
        aside={
          <SearchField
            value={search}
            label="Search groups"
            onValue={(text) => changeQuery({ search: text, offset: null })}
          />
        }
      />
      <Card flush>
        <LoadedView of={groups} rows={8}>
          {({ total, rows }) => (
            <>
              <Table
                label="Groups"
                columns={columns}
                rows={rows}
                rowKey={({ id }) => id}
                onRow={({ id }) => {
                  location.hash = href(['groups', id])
                }}
                empty={<NoGroups isSearch={search !== ''} />}
              />
              {total > 0 && (
                <Pager
                  total={total}
                  offset={offset}
                  limit={limit}
                  noun="groups"
                  onOffset={(to) => changeQuery({ offset: to || null })}
                />
              )}
            </>
          )}
        </LoadedView>
      </Card>
    </>
  )
}

function NoGroups({ isSearch }: { isSearch: boolean }) {
  if (isSearch) return <Empty title="No group has this in its name." />
  return (
    <Empty title="No groups yet.">
      A group begins to be when a consumer joins it, or commits an offset under its name: holdfast consume TOPIC --group
      NAME.
    </Empty>
  )
}
