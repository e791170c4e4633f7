/** A whole log in one line, oldest at the left, each file as wide as it is large; and what the colours mean. */

import type { StoredFile } from '../../../src/console/api-types.js'
import { bytes } from '../../format.js'

export function LogStrip({ files, spare }: { files: readonly StoredFile[]; spare: readonly StoredFile[] }) {
  const ordered = [...files].sort((a, b) => a.base - b.base)
  const all = [...ordered, ...spare]
  const total = Math.max(
    1,
    sum(all, ({ sizeInBytes }) => sizeInBytes),
  )
  let at = 0
  return (
    <svg
      class="log-strip"
      viewBox={`0 0 ${width} 40`}
      preserveAspectRatio="none"
      role="img"
      aria-label="The log to scale"
    >
      {all.map((file) => {
        const x = (at / total) * width
        at += file.sizeInBytes
        return <FilePart key={file.name} file={file} x={x} scale={width / total} />
      })}
    </svg>
  )
}

const width = 1000

function FilePart({ file, x, scale }: { file: StoredFile; x: number; scale: number }) {
  const { name, sizeInBytes, writtenBytes, durableBytes, cachedBytes, state } = file
  const gap = Math.min(1.2, sizeInBytes * scale * 0.1)
  const of = (part: number) => Math.max(0, part * scale - gap)
  return (
    <g transform={`translate(${x} 0)`}>
      <title>{`${name}: ${bytes(writtenBytes)} of ${bytes(sizeInBytes)}`}</title>
      <rect class={state === 'spare' ? 'is-spare' : 'is-free'} width={of(sizeInBytes)} height="32" />
      <rect
        class={isRemovable(file) ? 'is-removable' : 'is-durable'}
        width={of(Math.min(durableBytes, writtenBytes))}
        height="32"
      />
      {writtenBytes > durableBytes && (
        <rect class="is-pending" x={durableBytes * scale} width={of(writtenBytes - durableBytes)} height="32" />
      )}
      {file.compactable && <rect class="is-compactable" y="0" width={of(writtenBytes)} height="4" />}
      <rect class="is-cached" y="35" width={of(cachedBytes ?? 0)} height="5" />
    </g>
  )
}

function isRemovable({ removableAtMs }: StoredFile): boolean {
  return removableAtMs !== null && removableAtMs <= Date.now()
}

export function Legend({ files }: { files: readonly StoredFile[] }) {
  const written = files.filter(({ state }) => state !== 'spare')
  const isCacheKnown = written.some(({ cachedBytes }) => cachedBytes !== null)
  const durable = sum(written, ({ durableBytes, writtenBytes }) => Math.min(durableBytes, writtenBytes))
  const all = sum(written, ({ writtenBytes }) => writtenBytes)
  const entries: readonly (readonly [mark: string, text: string, figure: string])[] = [
    ['is-durable', 'durable', bytes(durable)],
    ['is-pending', 'not yet durable', bytes(all - durable)],
    [
      'is-free',
      'free in its file',
      bytes(sum(written, ({ sizeInBytes, writtenBytes }) => Math.max(0, sizeInBytes - writtenBytes))),
    ],
    [
      'is-cached',
      'in the page cache',
      isCacheKnown ? bytes(sum(written, ({ cachedBytes }) => cachedBytes ?? 0)) : 'not known',
    ],
    ['is-removable', 'removable', bytes(sum(written.filter(isRemovable), ({ sizeInBytes }) => sizeInBytes))],
    [
      'is-compactable',
      'compactable',
      bytes(
        sum(
          written.filter(({ compactable }) => compactable),
          ({ sizeInBytes }) => sizeInBytes,
        ),
      ),
    ],
    [
      'is-spare',
      'to be used again',
      bytes(
        sum(
          files.filter(({ state }) => state === 'spare'),
          ({ sizeInBytes }) => sizeInBytes,
        ),
      ),
    ],
  ]
  return (
    <ul class="legend">
      {entries.map(([mark, text, figure]) => (
        <li key={mark}>
          <i class={mark} />
          <span>{text}</span>
          <b>{figure}</b>
        </li>
      ))}
    </ul>
  )
}

function sum(files: readonly StoredFile[], of: (file: StoredFile) => number): number {
  return files.reduce((total, file) => total + of(file), 0)
}
