/** Moves the committed offsets of a group, after a look at what would change. */

import { useState } from 'preact/hooks'
import type { GroupDetail, OffsetReset, OffsetResetRow } from '../../src/console/api-types.js'
import { apiPath, change } from '../api/client.js'
import { Dialog } from '../components/dialog.js'
import { Failure } from '../components/states.js'
import { type Column, Table } from '../components/table.js'
import { toast } from '../components/toasts.js'
import { count, none, plural } from '../format.js'
import { visible } from '../messages/bytes.js'
import { localInputOf, wholeNumber } from '../messages/query.js'

type Target = 'earliest' | 'latest' | 'offset' | 'time'

interface Draft {
  readonly topic: string
  readonly partition: string
  readonly target: Target
  readonly at: string
}

interface ResetDialogProps {
  readonly group: GroupDetail
  readonly onDone: () => void
  readonly onClose: () => void
}

export function ResetDialog({ group, onDone, onClose }: ResetDialogProps) {
  const topics = [...new Set([...group.offsets.map(({ topic }) => topic), ...group.topics])].sort()
  const [draft, setDraft] = useState<Draft>({ topic: topics[0] ?? '', partition: '', target: 'earliest', at: '' })
  const [preview, setPreview] = useState<readonly OffsetResetRow[] | null>(null)
  const [error, setError] = useState<unknown>()
  const reset = resetOf(draft)
  const set = (part: Partial<Draft>) => {
    setDraft({ ...draft, ...part })
    // What was looked at is no longer what would be done.
    setPreview(null)
  }
  const ask = (isPreview: boolean) =>
    change<readonly OffsetResetRow[]>('POST', apiPath('groups', group.id, 'reset'), { ...reset, preview: isPreview })
  const look = async () => {
    try {
      setPreview(await ask(true))
      setError(undefined)
    } catch (failure) {
      setError(failure)
    }
  }
  const apply = async () => {
    const moved = await ask(false)
    toast(`Moved ${plural(moved.length, 'partition')} of ${visible(draft.topic)}`)
    onDone()
  }
  const isReady = preview !== null && preview.length > 0
  return (
    <Dialog
      title={`Reset offsets of ${visible(group.id)}`}
      action="Reset"
      isDangerous
      isReady={isReady}
      onAction={apply}
      onClose={onClose}
      isWide
    >
      {group.members > 0 && (
        <p class="problem">
          The group has {plural(group.members, 'member')}. Stop them first: offsets are reset while nobody reads.
        </p>
      )}
      <ResetFields topics={topics} draft={draft} onChange={set} />
      <p class="reset-preview">
        <button type="button" disabled={reset === null} onClick={look}>
          Preview
        </button>
      </p>
      {error !== undefined && <Failure error={error} />}
      {preview && (
        <Table
          label="What would change"
          columns={columns}
          rows={preview}
          rowKey={({ partition }) => partition}
          maxHeight={280}
          empty={<p class="quiet-text">Nothing would change.</p>}
        />
      )}
    </Dialog>
  )
}

const columns: readonly Column<OffsetResetRow>[] = [
  { key: 'partition', title: 'Partition', cell: ({ partition }) => partition, figure: true, width: '90px' },
  {
    key: 'from',
    title: 'From',
    cell: ({ from }) => (from === null ? none : count(from)),
    figure: true,
    width: '130px',
  },
  { key: 'to', title: 'To', cell: ({ to }) => count(to), figure: true, width: '130px' },
  { key: 'change', title: 'So it', cell: ({ from, to }) => changeText(from, to) },
]

function changeText(from: number | null, to: number): string {
  if (from === null) return 'gets an offset'
  if (from === to) return 'stays'
  return to < from ? `reads ${count(from - to)} again` : `passes over ${count(to - from)}`
}

interface ResetFieldsProps {
  readonly topics: readonly string[]
  readonly draft: Draft
  readonly onChange: (part: Partial<Draft>) => void
}

function ResetFields({ topics, draft, onChange }: ResetFieldsProps) {
  const { topic, partition, target, at } = draft
  return (
    <div class="produce-row">
      <label class="field">
        Topic
        <input
          list="reset-topics"
          value={topic}
          spellcheck={false}
          onInput={({ currentTarget: { value } }) => onChange({ topic: value })}
        />
        <datalist id="reset-topics">
          {topics.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <label class="field">
        Partition
        <input
          inputMode="numeric"
          placeholder="all"
          value={partition}
          onInput={({ currentTarget: { value } }) => onChange({ partition: value })}
        />
      </label>
      <label class="field">
        To
        <select
          value={target}
          onChange={({ currentTarget: { value } }) => onChange({ target: value as Target, at: '' })}
        >
          <option value="earliest">the earliest message</option>
          <option value="latest">the end</option>
          <option value="offset">an offset</option>
          <option value="time">a time</option>
        </select>
      </label>
      {target === 'offset' && (
        <label class="field">
          Offset
          <input inputMode="numeric" value={at} onInput={({ currentTarget: { value } }) => onChange({ at: value })} />
        </label>
      )}
      {target === 'time' && (
        <label class="field">
          Time (local)
          <input
            type="datetime-local"
            step={1}
            value={at === '' ? '' : localInputOf(Number(at))}
            onInput={({ currentTarget: { value } }) => onChange({ at: value && String(Date.parse(value)) })}
          />
        </label>
      )}
    </div>
  )
}

/** null while what was typed is not a reset yet. */
function resetOf({ topic, partition, target, at }: Draft): Omit<OffsetReset, 'preview'> | null {
  const number = wholeNumber(partition)
  if (topic === '' || (partition !== '' && number === null)) return null
  const place = { topic, ...(number === null ? {} : { partition: number }) }
  if (target === 'earliest' || target === 'latest') return { ...place, to: target }
  const value = wholeNumber(at)
  if (value === null) return null
  return { ...place, to: target === 'offset' ? { offset: value } : { time: value } }
}
