/** Makes a topic, with the settings that are asked for most; all others can be changed afterwards. */

import { useState } from 'preact/hooks'
import type { NewTopic, TopicDetail } from '../../../src/console/api-types.js'
import { change } from '../../api/client.js'
import { go, href } from '../../app/router.js'
import { Dialog } from '../../components/dialog.js'
import { toast } from '../../components/toasts.js'

const layouts = [
  ['', "the broker's"],
  ['segments', 'segments: files for each partition'],
  ['commitlog', 'commitlog: one log for all, for very many partitions'],
] as const

const cleanups = [
  ['', "the broker's"],
  ['delete', 'delete: by age and size'],
  ['compact', 'compact: the newest message of each key stays'],
] as const

const dayMs = 86_400_000
const retentions = [
  ['', "the broker's"],
  [String(dayMs / 24), 'an hour'],
  [String(dayMs), 'a day'],
  [String(7 * dayMs), 'a week'],
  [String(30 * dayMs), '30 days'],
  ['-1', 'for ever'],
] as const

export function CreateTopic({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [partitions, setPartitions] = useState('1')
  const [config, setConfig] = useState<Readonly<Record<string, string>>>({})
  const nameProblem = problemOfName(name)
  const isWhole = /^[1-9]\d*$/.test(partitions)
  const create = async () => {
    const asked: NewTopic = {
      name,
      partitions: Number(partitions),
      config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== '')),
    }
    await change<TopicDetail>('POST', 'api/topics', asked)
    toast(`Created ${name}`)
    go(href(['topics', name]))
  }
  const choice = (setting: string, label: string, values: readonly (readonly [value: string, text: string])[]) => (
    <label class="field">
      {label}
      <select
        value={config[setting] ?? ''}
        onChange={(event) => setConfig({ ...config, [setting]: event.currentTarget.value })}
      >
        {values.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
  return (
    <Dialog
      title="Create a topic"
      action="Create"
      isReady={name !== '' && nameProblem === null && isWhole}
      onAction={create}
      onClose={onClose}
    >
      <label class="field">
        Name
        <input
          value={name}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <small class={nameProblem ? 'is-bad-text' : undefined}>
          {nameProblem ?? 'Letters, digits, dot, underscore and hyphen; at most 249.'}
        </small>
      </label>
      <label class="field">
        Partitions
        <input type="number" min={1} value={partitions} onInput={(event) => setPartitions(event.currentTarget.value)} />
        <small>Messages of one partition keep their order; it is read by one member of a group at a time.</small>
      </label>
      {choice('storage.layout', 'Layout', layouts)}
      {choice('cleanup.policy', 'Cleanup', cleanups)}
      {choice('retention.ms', 'Messages stay', retentions)}
    </Dialog>
  )
}

/** The same rule as Kafka's; the broker has the last word. */
function problemOfName(name: string): string | null {
  if (name === '') return null
  if (name === '.' || name === '..') return 'This name stands for a directory.'
  const wrong = /[^a-zA-Z0-9._-]/u.exec(name)
  if (wrong) return `“${wrong[0]}” cannot be in a name: letters, digits, dot, underscore and hyphen can.`
  return name.length > 249 ? 'At most 249 characters.' : null
}
