/** All settings of the broker: what each is, what it would be by itself, and who said so. */

import type { SettingRow } from '../../src/console/api-types.js'
import { useApi } from '../api/use-api.js'
import { changeQuery, place } from '../app/router.js'
import { Badge, Card, PageHead, SearchField, type Tone } from '../components/small.js'
import { Empty, LoadedView } from '../components/states.js'
import { type Column, Table } from '../components/table.js'
import { plural } from '../format.js'
import { settingInWords } from './setting-values.js'

const columns: readonly Column<SettingRow>[] = [
  {
    key: 'name',
    title: 'Setting',
    cell: ({ name, help }) => (
      <div class="two-lines">
        <code>{name}</code>
        <span>{help}</span>
      </div>
    ),
  },
  {
    key: 'value',
    title: 'Value',
    width: '34%',
    cell: (row) => (
      <div class="two-lines">
        <code>{row.value || '(empty)'}</code>
        <span>{settingInWords(row.name, row.value, row.unit)}</span>
      </div>
    ),
  },
  {
    key: 'origin',
    title: 'From',
    width: '26%',
    cell: (row) => (
      <div class="two-lines">
        <span>
          <Badge tone={toneOf(row.origin)}>{row.origin}</Badge>
        </span>
        <span>{row.value === row.default ? '' : `default ${row.default || '(empty)'}`}</span>
      </div>
    ),
  },
  {
    key: 'change',
    title: 'Changes',
    width: '190px',
    wideOnly: true,
    cell: ({ atRunTime, topicName }) => (
      <div class="two-lines">
        <span>{atRunTime ? 'while running' : topicName ? 'when a topic is made' : 'at the next start'}</span>
        <span title="A topic may have its own under this name">{topicName && `topic: ${topicName}`}</span>
      </div>
    ),
  },
]

function toneOf(origin: string): Tone {
  if (origin === 'default') return 'plain'
  return /^(flag|environment)/.test(origin) ? 'good' : 'note'
}

export function SettingsPage() {
  const settings = useApi<readonly SettingRow[]>('api/settings')
  const { query } = place.value
  const search = query.get('search') ?? ''
  const isChangedOnly = query.get('changed') === '1'
  return (
    <>
      <PageHead
        title="Settings"
        aside={
          <>
            <label class="check">
              <input
                type="checkbox"
                checked={isChangedOnly}
                onChange={(event) => changeQuery({ changed: event.currentTarget.checked ? '1' : null })}
              />
              Only what is not the default
            </label>
            <SearchField value={search} label="Find a setting" onValue={(text) => changeQuery({ search: text })} />
          </>
        }
      />
      <LoadedView of={settings} rows={12}>
        {(rows) => {
          const shown = rows.filter(
            (row) => fits(row, search.toLowerCase()) && !(isChangedOnly && row.origin === 'default'),
          )
          return (
            <>
              <Card flush>
                <Table
                  label="Settings"
                  columns={columns}
                  rows={shown}
                  rowKey={({ name }) => name}
                  isTall
                  empty={<Empty title="No setting fits." />}
                />
              </Card>
              <p class="quiet-text small-text">
                {plural(shown.length, 'setting')} of {rows.length}. They are written in holdfast.properties, the
                environment, or as flags of holdfast serve.
              </p>
            </>
          )
        }}
      </LoadedView>
    </>
  )
}

function fits({ name, value, origin, help, topicName = '' }: SettingRow, search: string): boolean {
  return [name, value, origin, help, topicName].some((text) => text.toLowerCase().includes(search))
}
