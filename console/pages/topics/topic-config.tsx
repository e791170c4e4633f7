/** A topic's settings, where each comes from, and their change within the bounds that the broker names. */

import { useState } from 'preact/hooks'
import type { ConfigChange, ConfigRow, TopicDetail } from '../../../src/console/api-types.js'
import { apiPath, change } from '../../api/client.js'
import { Dialog } from '../../components/dialog.js'
import { Badge, Card, type Tone } from '../../components/small.js'
import { type Column, Table } from '../../components/table.js'
import { toast } from '../../components/toasts.js'
import { settingInWords } from '../setting-values.js'

interface TopicConfigProps {
  readonly topic: TopicDetail
  readonly onDone: (detail: TopicDetail) => void
}

const tones: Readonly<Record<ConfigRow['origin'], Tone>> = {
  topic: 'good',
  altered: 'note',
  broker: 'note',
  default: 'plain',
}

export function TopicConfig({ topic, onDone }: TopicConfigProps) {
  const [edited, setEdited] = useState<ConfigRow | null>(null)
  const columns: readonly Column<ConfigRow>[] = [
    { key: 'name', title: 'Setting', width: '240px', cell: ({ name, help }) => <span title={help}>{name}</span> },
    { key: 'value', title: 'Value', width: '240px', cell: (row) => <Value of={row} /> },
    {
      key: 'origin',
      title: 'From',
      width: '100px',
      cell: ({ origin }) => <Badge tone={tones[origin]}>{origin}</Badge>,
    },
    {
      key: 'help',
      title: '',
      wideOnly: true,
      cell: ({ help }) => (
        <span class="quiet-text" title={help}>
          {help}
        </span>
      ),
    },
    {
      key: 'edit',
      title: '',
      figure: true,
      width: '80px',
      cell: (row) =>
        row.readOnly ? (
          <span class="quiet-text small-text" title="It stays as the topic was created.">
            fixed
          </span>
        ) : (
          <button type="button" class="small" aria-label={`Change ${row.name}`} onClick={() => setEdited(row)}>
            Change
          </button>
        ),
    },
  ]
  return (
    <Card flush title="Settings">
      <Table
        label="Settings of the topic"
        columns={columns}
        rows={topic.config}
        rowKey={({ name }) => name}
        onRow={(row) => row.readOnly || setEdited(row)}
      />
      {edited && <EditSetting topic={topic.name} row={edited} onDone={onDone} onClose={() => setEdited(null)} />}
    </Card>
  )
}

function Value({ of: { name, value } }: { of: ConfigRow }) {
  const words = settingInWords(name, value)
  return (
    <>
      <code>{value}</code>
      {words && <span class="quiet-text small-text"> {words}</span>}
    </>
  )
}

interface EditSettingProps {
  readonly topic: string
  readonly row: ConfigRow
  readonly onDone: (detail: TopicDetail) => void
  readonly onClose: () => void
}

function EditSetting({ topic, row, onDone, onClose }: EditSettingProps) {
  const [value, setValue] = useState(row.value)
  const write = async (next: string | null) => {
    const asked: ConfigChange = { config: { [row.name]: next } }
    onDone(await change<TopicDetail>('PATCH', apiPath('topics', topic, 'config'), asked))
    toast(next === null ? `${row.name} is the broker's again` : `${row.name} = ${next}`)
  }
  const [isReset, setReset] = useState(false)
  const problem = isReset ? null : problemOf(row, value)
  return (
    <Dialog
      title={row.name}
      action={isReset ? "Take the broker's" : 'Save'}
      isReady={problem === null && (isReset || value !== row.value)}
      onAction={() => write(isReset ? null : value)}
      onClose={onClose}
    >
      <p class="quiet-text">{row.help}</p>
      <div class="field spaced">
        <label for={inputId}>Value</label>
        <ValueInput row={row} value={value} isOff={isReset} onValue={setValue} />
        <small class={problem ? 'is-bad-text' : undefined}>
          {problem ?? (settingInWords(row.name, value) || boundsOf(row) || row.type)}
        </small>
      </div>
      {row.origin === 'topic' && (
        <label class="check">
          <input type="checkbox" checked={isReset} onChange={(event) => setReset(event.currentTarget.checked)} />
          Take the topic's own value away, so that the broker's is taken
        </label>
      )}
    </Dialog>
  )
}

const inputId = 'setting-value'

interface ValueInputProps {
  readonly row: ConfigRow
  readonly value: string
  readonly isOff: boolean
  readonly onValue: (value: string) => void
}

function ValueInput({ row, value, isOff, onValue }: ValueInputProps) {
  const values = row.values ?? (row.type === 'boolean' ? ['true', 'false'] : null)
  if (values && row.type === 'list') return <ListInput values={values} value={value} isOff={isOff} onValue={onValue} />
  if (values) {
    return (
      <select id={inputId} value={value} disabled={isOff} onChange={(event) => onValue(event.currentTarget.value)}>
        {values.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    )
  }
  return (
    <input
      id={inputId}
      value={value}
      disabled={isOff}
      inputMode={isNumber(row) ? 'numeric' : undefined}
      spellcheck={false}
      autocomplete="off"
      onInput={(event) => onValue(event.currentTarget.value.trim())}
    />
  )
}

interface ListInputProps extends Omit<ValueInputProps, 'row'> {
  readonly values: readonly string[]
}

/** Any of a few words. */
function ListInput({ values, value, isOff, onValue }: ListInputProps) {
  const chosen = value.split(',').filter(Boolean)
  const toggle = (each: string, isOn: boolean) =>
    onValue(values.filter((word) => (word === each ? isOn : chosen.includes(word))).join(','))
  return (
    <div class="choices" id={inputId}>
      {values.map((each) => (
        <label class="check" key={each}>
          <input
            type="checkbox"
            disabled={isOff}
            checked={chosen.includes(each)}
            onChange={(event) => toggle(each, event.currentTarget.checked)}
          />
          {each}
        </label>
      ))}
    </div>
  )
}

function isNumber({ type, min, max }: ConfigRow): boolean {
  return min !== undefined || max !== undefined || /^(int|long|short|double|number)$/i.test(type)
}

function problemOf(row: ConfigRow, value: string): string | null {
  if (!isNumber(row)) return null
  const figure = Number(value)
  if (value === '' || !Number.isFinite(figure)) return 'A number is wanted.'
  const isOutside = (row.min !== undefined && figure < row.min) || (row.max !== undefined && figure > row.max)
  return isOutside ? boundsOf(row) : null
}

function boundsOf({ min, max, values }: ConfigRow): string {
  if (values) return values.join(', ')
  if (min !== undefined && max !== undefined) return `From ${min} to ${max}.`
  if (min !== undefined) return `At least ${min}.`
  return max === undefined ? '' : `At most ${max}.`
}
