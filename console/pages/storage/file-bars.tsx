/** Each file of a log as a bar, all on one scale: written and durable, written and not yet, and still free. */

import { useState } from 'preact/hooks'
import type { Layout, StoredFile } from '../../../src/console/api-types.js'
import { Badge } from '../../components/small.js'
import { bytes, count, dateTime, fromNow, none, percent, plural } from '../../format.js'

interface FileBarsProps {
  readonly files: readonly StoredFile[]
  readonly spare: readonly StoredFile[]
  readonly known: ReadonlySet<string>
  readonly layout: Layout
}

/** More are drawn on demand. */
const firstShown = 60

export function FileBars({ files, spare, known, layout }: FileBarsProps) {
  const [shown, setShown] = useState(firstShown)
  const largest = Math.max(1, ...files.map(sizeOf), ...spare.map(sizeOf))
  const bar = (file: StoredFile) => (
    <FileBar key={file.name} file={file} largest={largest} isNew={!known.has(file.name)} layout={layout} />
  )
  return (
    <div class="file-bars">
      {files.slice(0, shown).map(bar)}
      {files.length > shown && (
        <button type="button" class="quiet" onClick={() => setShown(shown + 500)}>
          Show more of {plural(files.length, 'file')}
        </button>
      )}
      {spare.length > 0 && <h3>Waiting to be used again</h3>}
      {spare.map(bar)}
    </div>
  )
}

interface FileBarProps {
  readonly file: StoredFile
  readonly largest: number
  readonly isNew: boolean
  readonly layout: Layout
}

function FileBar({ file, largest, isNew, layout }: FileBarProps) {
  const { name, state, sizeInBytes, writtenBytes, durableBytes, cachedBytes } = file
  return (
    <div class={`file is-${state}${isNew ? ' is-new' : ''}`} title={inWords(file, layout)}>
      <div class="file-name">
        <code>{name}</code>
      </div>
      <div class="file-track">
        <div class="file-bar" style={{ width: share(Math.max(sizeInBytes, writtenBytes), largest) }}>
          <i class="is-pending" style={{ width: share(writtenBytes, sizeInBytes) }} />
          <i class="is-durable" style={{ width: share(Math.min(durableBytes, writtenBytes), sizeInBytes) }} />
          <i class="is-cached" style={{ width: share(cachedBytes ?? 0, sizeInBytes) }} />
        </div>
      </div>
      <div class="file-size">
        {state === 'active' ? `${bytes(writtenBytes)} of ${bytes(sizeInBytes)}` : bytes(sizeInBytes)}
      </div>
      <div class="file-marks">
        <Marks file={file} />
      </div>
    </div>
  )
}

function Marks({ file }: { file: StoredFile }) {
  const { state, mapped, compactable, removableAtMs } = file
  const isRemovable = removableAtMs !== null && removableAtMs <= Date.now()
  return (
    <>
      {state === 'active' && <Badge tone="good">active</Badge>}
      {state === 'spare' && <Badge>spare</Badge>}
      {mapped && <Badge title="Readers have it mapped">mapped</Badge>}
      {compactable && <Badge tone="note">compactable</Badge>}
      {removableAtMs !== null && state !== 'active' && (
        <Badge tone={isRemovable ? 'warn' : 'plain'} title={dateTime(removableAtMs)}>
          {isRemovable ? 'removable' : `goes ${fromNow(removableAtMs)}`}
        </Badge>
      )}
    </>
  )
}

function inWords(file: StoredFile, layout: Layout): string {
  const { base, writtenBytes, durableBytes, cachedBytes, firstTimestamp, lastTimestamp } = file
  return [
    layout === 'commitlog' ? `from position ${count(base)}` : `from offset ${count(base)}`,
    `written ${bytes(writtenBytes)}, durable ${bytes(durableBytes)}`,
    `in the page cache ${cachedBytes === null || writtenBytes === 0 ? none : percent(cachedBytes / writtenBytes)}`,
    `messages from ${dateTime(firstTimestamp)} to ${dateTime(lastTimestamp)}`,
  ].join('\n')
}

function sizeOf({ sizeInBytes }: StoredFile): number {
  return sizeInBytes
}

function share(part: number, whole: number): string {
  return `${whole > 0 ? Math.min(100, (part / whole) * 100).toFixed(2) : 0}%`
}
