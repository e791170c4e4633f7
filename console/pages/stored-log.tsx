/** One log to scale, live: its files, what of them is durable, in the page cache, about to go; and its latest flushes. */

import { useRef } from 'preact/hooks'
import type { StoredFile, StoredLog } from '../../src/console/api-types.js'
import { apiPath } from '../api/client.js'
import { useApi } from '../api/use-api.js'
import { href, type Params } from '../app/router.js'
import { Badge, Card, PageHead } from '../components/small.js'
import { Empty, LoadedView } from '../components/states.js'
import { bytes, count, plural } from '../format.js'
import { FileBars } from './storage/file-bars.js'
import { FlushStrip } from './storage/flush-strip.js'
import { Legend, LogStrip } from './storage/log-strip.js'

/** Often enough to see a flush; the drawing glides between two answers. */
const everyMs = 600

export function CommitLogPage() {
  return <StoredLogView title="Commit log" path={apiPath('storage', 'commitlog')} />
}

export function PartitionLogPage({ params }: { params: Params }) {
  const { topic, partition } = params
  return <StoredLogView title={`${topic}-${partition}`} path={apiPath('storage', topic, partition)} topic={topic} />
}

function StoredLogView({ title, path, topic }: { title: string; path: string; topic?: string }) {
  const log = useApi<StoredLog>(path, { everyMs })
  return (
    <>
      <PageHead
        path={[['Storage', '#/storage']]}
        title={title}
        aside={
          topic !== undefined && (
            <a class="button" href={href(['topics', topic])}>
              Topic
            </a>
          )
        }
      />
      <LoadedView of={log} rows={10}>
        {(data) => <LogView log={data} />}
      </LoadedView>
    </>
  )
}

function LogView({ log }: { log: StoredLog }) {
  const { files, totalFiles, flushes, indexBytes, directory, layout } = log
  const known = useKnownFiles(files)
  const inUse = files.filter(({ state }) => state !== 'spare')
  const spare = files.filter(({ state }) => state === 'spare')
  const newestFirst = [...inUse].sort((a, b) => b.base - a.base)
  return (
    <>
      <Card title="Flushes" aside={flushes.length > 0 && `the latest ${count(flushes.length)}`}>
        <FlushStrip flushes={flushes} />
      </Card>
      <Card title="The log to scale" aside={<Badge>{layout}</Badge>}>
        {files.length === 0 ? <Empty title="There is no file yet." /> : <LogStrip files={inUse} spare={spare} />}
        <Legend files={files} />
      </Card>
      <Card
        flush
        title="Files, the newest first"
        aside={`${howMany(files.length, totalFiles)}, ${bytes(sum(files))}; indexes ${bytes(indexBytes)}`}
      >
        <FileBars files={newestFirst} spare={spare} known={known} layout={layout} />
      </Card>
      <p class="quiet-text small-text">
        <code>{directory}</code>
      </p>
    </>
  )
}

function howMany(shown: number, total: number): string {
  return shown < total ? `the newest ${count(shown)} of ${plural(total, 'file')}` : plural(shown, 'file')
}

function sum(files: readonly StoredFile[]): number {
  return files.reduce((total, { sizeInBytes }) => total + sizeInBytes, 0)
}

/** The files that were there at the first answer: a later one is new, which one shall see. */
function useKnownFiles(files: readonly StoredFile[]): ReadonlySet<string> {
  const first = useRef<ReadonlySet<string> | null>(null)
  first.current ??= new Set(files.map(({ name }) => name))
  return first.current
}
