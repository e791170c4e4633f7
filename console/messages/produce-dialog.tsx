/** Sends one message, new or after the pattern of another. */

import { useState } from 'preact/hooks'
import type { BrowsedMessage, NewMessage } from '../../src/console/api-types.js'
import { apiPath, change } from '../api/client.js'
import { Dialog } from '../components/dialog.js'
import { toast } from '../components/toasts.js'
import { count } from '../format.js'
import { wholeNumber } from './query.js'

interface Header {
  readonly key: string
  readonly value: string
}

interface Draft {
  readonly key: string
  readonly value: string
  readonly hasValue: boolean
  readonly encoding: 'text' | 'base64'
  readonly partition: string
  readonly id: string
  readonly tags: string
  readonly headers: readonly Header[]
}

interface ProduceDialogProps {
  readonly topic: string
  readonly pattern: BrowsedMessage | null
  readonly onSent: () => void
  readonly onClose: () => void
}

export function ProduceDialog({ topic, pattern, onSent, onClose }: ProduceDialogProps) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(pattern))
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part })
  const problem = problemOf(draft)
  const send = async () => {
    const sent = await change<{ partition: number; offset: number }>(
      'POST',
      apiPath('topics', topic, 'messages'),
      messageOf(draft),
    )
    toast(`Sent to partition ${sent.partition}, offset ${count(sent.offset)}`)
    onSent()
  }
  return (
    <Dialog
      title={`Send a message to ${topic}`}
      action="Send"
      isReady={!problem}
      onAction={send}
      onClose={onClose}
      isWide
    >
      <div class="produce">
        <TextField label="Key" value={draft.key} placeholder="none" onValue={(key) => set({ key })} />
        <label class="field">
          Value
          <textarea
            rows={7}
            class="mono"
            spellcheck={false}
            disabled={!draft.hasValue}
            value={draft.value}
            onInput={({ currentTarget: { value } }) => set({ value })}
          />
        </label>
        <Tick
          label="no value (a tombstone, where the topic is compacted)"
          isOn={!draft.hasValue}
          onChange={(isOn) => set({ hasValue: !isOn })}
        />
        <div class="produce-row">
          <label class="field">
            Encoding
            <select
              value={draft.encoding}
              onChange={({ currentTarget: { value } }) => set({ encoding: value === 'base64' ? 'base64' : 'text' })}
            >
              <option value="text">Text (UTF-8)</option>
              <option value="base64">Base64</option>
            </select>
          </label>
          <TextField
            label="Partition"
            value={draft.partition}
            placeholder="by the key"
            onValue={(partition) => set({ partition })}
          />
          <TextField label="Tags" value={draft.tags} placeholder="none" onValue={(tags) => set({ tags })} />
          <TextField label="Message id" value={draft.id} placeholder="none" onValue={(id) => set({ id })} />
        </div>
        <HeaderFields headers={draft.headers} onHeaders={(headers) => set({ headers })} />
        {problem && <p class="problem">{problem}</p>}
      </div>
    </Dialog>
  )
}

function HeaderFields({ headers, onHeaders }: { headers: readonly Header[]; onHeaders: (to: Header[]) => void }) {
  const change = (at: number, part: Partial<Header>) =>
    onHeaders(headers.map((header, index) => (index === at ? { ...header, ...part } : header)))
  return (
    <fieldset class="produce-headers">
      <legend>Headers</legend>
      {headers.map(({ key, value }, index) => (
        // They have nothing but their place to be told apart by.
        <div key={`header ${index}`}>
          <input
            type="text"
            aria-label={`Name of header ${index + 1}`}
            placeholder="name"
            spellcheck={false}
            value={key}
            onInput={({ currentTarget }) => change(index, { key: currentTarget.value })}
          />
          <input
            type="text"
            aria-label={`Value of header ${index + 1}`}
            placeholder="value"
            spellcheck={false}
            value={value}
            onInput={({ currentTarget }) => change(index, { value: currentTarget.value })}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove header ${index + 1}`}
            onClick={() => onHeaders(headers.filter((_, at) => at !== index))}
          >
            ×
          </button>
        </div>
      ))}
      <button type="button" class="small" onClick={() => onHeaders([...headers, { key: '', value: '' }])}>
        Add a header
      </button>
    </fieldset>
  )
}

interface TextFieldProps {
  readonly label: string
  readonly value: string
  readonly placeholder?: string
  readonly onValue: (text: string) => void
}

function TextField({ label, value, placeholder, onValue }: TextFieldProps) {
  return (
    <label class="field">
      {label}
      <input
        type="text"
        spellcheck={false}
        autocomplete="off"
        placeholder={placeholder}
        value={value}
        onInput={({ currentTarget }) => onValue(currentTarget.value)}
      />
    </label>
  )
}

function Tick({ label, isOn, onChange }: { label: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => onChange(currentTarget.checked)} /> {label}
    </label>
  )
}

function draftOf(pattern: BrowsedMessage | null): Draft {
  const { key = null, value = null } = pattern ?? {}
  const isBinary = [key, value].some((bytes) => bytes !== null && bytes.text === null)
  const textOf = (bytes: BrowsedMessage['value']) =>
    bytes === null ? '' : isBinary ? bytes.base64 : (bytes.text ?? '')
  return {
    key: textOf(key),
    value: textOf(value),
    hasValue: pattern === null || value !== null,
    encoding: isBinary ? 'base64' : 'text',
    partition: '',
    id: '',
    tags: pattern?.tags ?? '',
    headers: (pattern?.headers ?? []).map((header) => ({ key: header.key, value: header.value?.text ?? '' })),
  }
}

/** What keeps the message from being sent, as far as the page can know. */
function problemOf(draft: Draft): string | null {
  if (draft.partition !== '' && wholeNumber(draft.partition) === null)
    return 'A partition is a whole number, 0 or more.'
  const isBase64 = (text: string) => /^[A-Za-z0-9+/\s]*={0,2}$/.test(text) && text.replace(/\s/g, '').length % 4 !== 1
  if (draft.encoding === 'base64' && ![draft.key, draft.value].every(isBase64)) return 'Key or value is not base64.'
  return null
}

function messageOf(draft: Draft): NewMessage {
  const { encoding, tags, id } = draft
  const bytes = (text: string) => (encoding === 'base64' ? text.replace(/\s/g, '') : text)
  return {
    // An empty field is no key: an empty key would send all such messages to one partition.
    key: draft.key !== '' ? bytes(draft.key) : null,
    value: draft.hasValue ? bytes(draft.value) : null,
    encoding,
    headers: draft.headers.filter(({ key }) => key !== ''),
    ...(tags === '' ? {} : { tags }),
    ...(id === '' ? {} : { id }),
    ...(draft.partition === '' ? {} : { partition: Number(draft.partition) }),
  }
}
