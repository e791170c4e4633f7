/** Where to begin reading: partition, and offset, time, key or id; which tags; how many. */

import { useEffect, useState } from 'preact/hooks'
import { type Browse, limits, localInputOf, requestOf, type Starting, startings } from './query.js'

interface BrowseFormProps {
  readonly browse: Browse
  readonly partitions: number | undefined
  readonly onBrowse: (browse: Browse) => void
}

const startingTexts: Readonly<Record<Starting, string>> = {
  newest: 'Newest',
  oldest: 'Oldest',
  offset: 'Offset',
  time: 'Time',
  key: 'Key',
  id: 'Message id',
}

export function BrowseForm({ browse, partitions, onBrowse }: BrowseFormProps) {
  const [draft, setDraft] = useState(browse)
  const [problem, setProblem] = useState<string>()
  // The address may change under the form: by a link, or by going back.
  useEffect(() => setDraft(browse), [JSON.stringify(browse)])
  const change = (part: Partial<Browse>) => setDraft({ ...draft, ...part })
  const submit = (event: Event) => {
    event.preventDefault()
    const request = requestOf(draft)
    setProblem('problem' in request ? request.problem : undefined)
    if ('query' in request) onBrowse(draft)
  }
  return (
    <form class="browse" onSubmit={submit} aria-label="Which messages">
      <label class="browse-small">
        Partition
        <input
          type="number"
          min={0}
          max={partitions === undefined ? undefined : partitions - 1}
          placeholder="all"
          value={draft.partition ?? ''}
          onInput={({ currentTarget: { value } }) => change({ partition: value === '' ? null : Number(value) })}
        />
      </label>
      <label class="browse-small">
        Begin at
        <select
          value={draft.by}
          onChange={({ currentTarget: { value } }) =>
            change({ by: startings.find((starting) => starting === value), at: '' })
          }
        >
          {startings.map((starting) => (
            <option key={starting} value={starting}>
              {startingTexts[starting]}
            </option>
          ))}
        </select>
      </label>
      <Target draft={draft} onAt={(at) => change({ at })} />
      <label class="browse-small">
        Tags
        <input
          type="text"
          placeholder="any"
          spellcheck={false}
          value={draft.tags}
          onInput={({ currentTarget: { value } }) => change({ tags: value })}
        />
      </label>
      <label class="browse-small">
        How many
        <select value={draft.limit} onChange={({ currentTarget: { value } }) => change({ limit: Number(value) })}>
          {limits.map((limit) => (
            <option key={limit} value={limit}>
              {limit}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="primary">
        Show
      </button>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  )
}

function Target({ draft, onAt }: { draft: Browse; onAt: (at: string) => void }) {
  const { by, at } = draft
  if (by === 'newest' || by === 'oldest') return null
  if (by === 'time') {
    return (
      <label class="browse-target">
        Time (local)
        <input
          type="datetime-local"
          step={1}
          value={at === '' ? '' : localInputOf(Number(at))}
          onInput={({ currentTarget: { value } }) => onAt(value === '' ? '' : String(Date.parse(value)))}
        />
      </label>
    )
  }
  return (
    <label class="browse-target">
      {startingTexts[by]}
      <input
        type="text"
        inputMode={by === 'offset' ? 'numeric' : undefined}
        spellcheck={false}
        autocomplete="off"
        value={at}
        onInput={({ currentTarget: { value } }) => onAt(value)}
      />
    </label>
  )
}
