/** How the broker is, at a glance: what goes through, how fast the disk takes it, what to look after. */

import type { Overview } from '../../src/console/api-types.js'
import { advice, ticks } from '../api/live.js'
import { useApi } from '../api/use-api.js'
import { href } from '../app/router.js'
import { Badge, Card, Facts, PageHead } from '../components/small.js'
import { LoadedView } from '../components/states.js'
import { bytes, count, dateTime, milliseconds, none, plural, short, span } from '../format.js'
import { AdviceList } from './overview/advice-list.js'
import { LiveCharts } from './overview/charts.js'
import { DiskCard } from './overview/disk-card.js'
import { Tiles } from './overview/tiles.js'

export function OverviewPage() {
  const overview = useApi<Overview>('api/overview', { everyMs: 5000 })
  const { data } = overview
  return (
    <>
      <PageHead
        title="Overview"
        aside={
          data && (
            <>
              <Badge tone="note" title="When a message is acknowledged">
                {data.flushPolicy}
              </Badge>
              <span class="quiet-text">
                {data.kafkaAddress} · version {data.version}
              </span>
            </>
          )
        }
      />
      <LoadedView of={overview} rows={8}>
        {(loaded) => (
          <>
            <FailedPartitions of={loaded.failedPartitions} />
            <Tiles />
            <div class="overview">
              <LiveCharts />
              <div class="overview-side">
                <AdviceList advice={advice.value ?? loaded.advice} />
                <DiskCard disk={loaded.disk} />
                <BrokerCard overview={loaded} />
              </div>
            </div>
          </>
        )}
      </LoadedView>
    </>
  )
}

function FailedPartitions({ of }: { of: Overview['failedPartitions'] }) {
  if (of.length === 0) return null
  return (
    <div class="failure is-list" role="alert">
      <div>
        <b>
          {plural(of.length, 'partition')} failed: {of.length === 1 ? 'it takes' : 'they take'} no messages
        </b>
        <ul>
          {of.slice(0, 20).map(({ topic, partition, why }) => (
            <li key={`${topic}-${partition}`}>
              <a href={href(['topics', topic])}>
                {topic}-{partition}
              </a>{' '}
              {why}
            </li>
          ))}
          {of.length > 20 && <li>and {count(of.length - 20)} more</li>}
        </ul>
      </div>
    </div>
  )
}

function BrokerCard({ overview }: { overview: Overview }) {
  const now = ticks.value[ticks.value.length - 1] ?? overview.now
  return (
    <Card title="Broker">
      <Facts
        of={[
          [
            'Running for',
            <span title={`Since ${dateTime(overview.startedAtMs)}`}>{uptime(overview, now?.timeMs)}</span>,
          ],
          ['Event loop delay', milliseconds(now?.eventLoopDelayMs)],
          ['Memory', now ? bytes(now.residentBytes) : none],
          ['Heap', now ? bytes(now.heapBytes) : none],
          ['Topics', <a href="#/topics">{count(overview.topics)}</a>],
          ['Partitions', count(overview.partitions)],
          ['Groups', <a href="#/groups">{count(overview.groups)}</a>],
          ['Open files', count(now?.openFiles)],
          ['Connections', count(now?.connections)],
          ['Refused', `${short(now?.refusedPerSecond)} /s`],
          ['Node', String(overview.nodeId)],
          ['Cluster', <code class="small-text">{overview.clusterId}</code>],
        ]}
      />
    </Card>
  )
}

function uptime({ startedAtMs }: Overview, nowMs = Date.now()): string {
  return span(Math.max(0, nowMs - startedAtMs))
}
