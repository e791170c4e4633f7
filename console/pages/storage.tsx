/** What is stored: the disk, and every log on it, the largest bar for the largest log. */

import type { StorageOverview } from '../../src/console/api-types.js'
import { useApi } from '../api/use-api.js'
import { changeQuery, go, href, place } from '../app/router.js'
import { Card, PageHead, SearchField } from '../components/small.js'
import { Empty, LoadedView } from '../components/states.js'
import { type Column, Table } from '../components/table.js'
import { bytes, count, plural } from '../format.js'
import { DiskCard } from './overview/disk-card.js'

type Log = StorageOverview['logs'][number]

export function StoragePage() {
  const storage = useApi<StorageOverview>('api/storage', { everyMs: 5000 })
  const search = place.value.query.get('search') ?? ''
  return (
    <>
      <PageHead
        title="Storage"
        aside={<SearchField value={search} label="Find a log" onValue={(text) => changeQuery({ search: text })} />}
      />
      <LoadedView of={storage} rows={12}>
        {({ disk, logs, totalLogs }) => {
          const shown = logs.filter((log) => nameOf(log).includes(search))
          return (
            <>
              <DiskCard disk={disk} />
              <Card
                flush
                title="Logs"
                aside={
                  logs.length < totalLogs
                    ? `${count(logs.length)} of ${plural(totalLogs, 'log')}`
                    : plural(totalLogs, 'log')
                }
              >
                <Table
                  label="Logs"
                  columns={columnsFor(logs)}
                  rows={shown}
                  rowKey={nameOf}
                  onRow={(log) => go(addressOf(log))}
                  empty={<Empty title={search ? 'No log fits.' : 'Nothing is stored yet.'} />}
                />
              </Card>
            </>
          )
        }}
      </LoadedView>
    </>
  )
}

function columnsFor(logs: readonly Log[]): readonly Column<Log>[] {
  const largest = Math.max(1, ...logs.map(({ sizeInBytes }) => sizeInBytes))
  return [
    { key: 'name', title: 'Log', width: '320px', cell: (log) => <a href={addressOf(log)}>{nameOf(log)}</a> },
    { key: 'layout', title: 'Layout', width: '110px', wideOnly: true, cell: ({ layout }) => layout },
    { key: 'files', title: 'Files', figure: true, width: '80px', cell: ({ files }) => count(files) },
    { key: 'size', title: 'Size', figure: true, width: '110px', cell: ({ sizeInBytes }) => bytes(sizeInBytes) },
    {
      key: 'share',
      title: '',
      wideOnly: true,
      cell: ({ sizeInBytes }) => (
        <div class="share-bar">
          <i style={{ width: `${(sizeInBytes / largest) * 100}%` }} />
        </div>
      ),
    },
  ]
}

function nameOf({ topic, partition }: Log): string {
  return topic === null ? 'commit log' : `${topic}-${partition}`
}

function addressOf({ topic, partition }: Log): string {
  return topic === null ? '#/storage/commitlog' : href(['storage', topic, partition ?? 0])
}
