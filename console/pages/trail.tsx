/** The trail of one message: found by place, key or id, followed from its sender to the groups that have read past it. */

import { useEffect, useState } from 'preact/hooks'
import type { Trail } from '../../src/console/api-types.js'
import { useApi } from '../api/use-api.js'
import { changeQuery, href, place, queryText } from '../app/router.js'
import { Card, PageHead } from '../components/small.js'
import { Empty, LoadedView } from '../components/states.js'
import { count } from '../format.js'
import { visible } from '../messages/bytes.js'
import { MessageDetail } from '../messages/message-detail.js'
import { wholeNumber } from '../messages/query.js'
import { TrailSteps } from '../trail/trail-steps.js'

type By = 'offset' | 'key' | 'id'

interface Wanted {
  readonly topic: string
  readonly by: By
  readonly partition: string
  readonly at: string
}

export function TrailPage() {
  const wanted = wantedOf(place.value.query)
  const path = pathOf(wanted)
  const trail = useApi<Trail>(path, { everyMs: 3000 })
  return (
    <>
      <PageHead title="Trail of a message" />
      <TrailForm wanted={wanted} onWanted={follow} />
      {path === null ? (
        <Card>
          <Empty title="Which message?">
            Name its topic and where it lies, its key, or its id. Every message in the browser leads here too.
          </Empty>
        </Card>
      ) : (
        <LoadedView of={trail} rows={8}>
          {(data) => <TrailBody of={data} />}
        </LoadedView>
      )}
    </>
  )
}

function TrailBody({ of }: { of: Trail }) {
  const { topic, partition, offset } = of
  return (
    <div class="grid is-two">
      <Card
        title={`${visible(topic)}, partition ${partition}, offset ${count(offset)}`}
        aside={
          <a href={href(['topics', topic, 'messages'], { partition, by: 'offset', at: offset })}>In the browser</a>
        }
      >
        <TrailSteps of={of} />
      </Card>
      <Card title="The message">
        <MessageDetail topic={topic} message={of.message} hasTrail={false} />
      </Card>
    </div>
  )
}

function TrailForm({ wanted, onWanted }: { wanted: Wanted; onWanted: (wanted: Wanted) => void }) {
  const [draft, setDraft] = useState(wanted)
  useEffect(() => setDraft(wanted), [JSON.stringify(wanted)])
  const set = (part: Partial<Wanted>) => setDraft({ ...draft, ...part })
  const submit = (event: Event) => {
    event.preventDefault()
    onWanted(draft)
  }
  return (
    <form class="browse" onSubmit={submit} aria-label="Which message">
      <Field label="Topic" value={draft.topic} onValue={(topic) => set({ topic })} isWide />
      <label class="browse-small">
        Find by
        <select
          value={draft.by}
          onChange={({ currentTarget: { value } }) =>
            set({ by: value === 'key' || value === 'id' ? value : 'offset', at: '' })
          }
        >
          <option value="offset">Offset</option>
          <option value="key">Key</option>
          <option value="id">Message id</option>
        </select>
      </label>
      {draft.by === 'offset' && (
        <Field label="Partition" value={draft.partition} onValue={(partition) => set({ partition })} />
      )}
      <Field label={atLabels[draft.by]} value={draft.at} onValue={(at) => set({ at })} isWide={draft.by !== 'offset'} />
      <button type="submit" class="primary" disabled={pathOf(draft) === null}>
        Follow
      </button>
    </form>
  )
}

const atLabels: Readonly<Record<By, string>> = { offset: 'Offset', key: 'Key', id: 'Id' }

interface FieldProps {
  readonly label: string
  readonly value: string
  readonly isWide?: boolean
  readonly onValue: (text: string) => void
}

function Field({ label, value, isWide = false, onValue }: FieldProps) {
  return (
    <label class={isWide ? 'browse-target' : 'browse-small'}>
      {label}
      <input
        type="text"
        spellcheck={false}
        autocomplete="off"
        value={value}
        onInput={({ currentTarget }) => onValue(currentTarget.value)}
      />
    </label>
  )
}

function wantedOf(query: URLSearchParams): Wanted {
  const topic = query.get('topic') ?? ''
  const key = query.get('key')
  const id = query.get('id')
  if (key !== null) return { topic, by: 'key', partition: '', at: key }
  if (id !== null) return { topic, by: 'id', partition: '', at: id }
  return { topic, by: 'offset', partition: query.get('partition') ?? '0', at: query.get('offset') ?? '' }
}

function follow({ topic, by, partition, at }: Wanted): void {
  const isPlace = by === 'offset'
  changeQuery({ topic, partition: isPlace ? partition : null, offset: null, key: null, id: null, [by]: at })
}

/** null while something is missing. */
function pathOf({ topic, by, partition, at }: Wanted): string | null {
  if (topic === '' || at === '') return null
  if (by !== 'offset') return `api/trace${queryText({ topic, [by]: at })}`
  if (wholeNumber(partition) === null || wholeNumber(at) === null) return null
  return `api/trace${queryText({ topic, partition, offset: at })}`
}
