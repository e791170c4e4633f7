/** What the last start found and mended, and whether all that is stored is sound. */

import type { Reports } from '../../src/console/api-types.js'
import { change } from '../api/client.js'
import { useApi } from '../api/use-api.js'
import { Badge, Card, Facts, PageHead, type Tone } from '../components/small.js'
import { Empty, LoadedView } from '../components/states.js'
import { toast } from '../components/toasts.js'
import { count, dateTime, plural, span } from '../format.js'
import { ReportView } from './report-view.js'

export function ReportsPage() {
  const reports = useApi<Reports>('api/reports', { everyMs: 2000 })
  const verification = reports.data?.verification
  const isRunning = verification != null && verification.endedAtMs === null
  const verify = async () => {
    try {
      reports.set(await change<Reports>('POST', 'api/verify'))
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), { isError: true })
    }
  }
  return (
    <>
      <PageHead
        title="Reports"
        aside={
          <button type="button" class="primary" disabled={!reports.data || isRunning} onClick={verify}>
            {isRunning ? 'Verifying…' : 'Verify all that is stored'}
          </button>
        }
      />
      <LoadedView of={reports} rows={8}>
        {({ recovery, verification: last }) => (
          <>
            <Card title="Verification" aside={last && <Verdict of={last} />}>
              {last ? <VerificationView of={last} /> : <NotVerified />}
            </Card>
            <Card title="The last start">
              {Object.keys(recovery).length > 0 ? (
                <ReportView report={recovery} />
              ) : (
                <Empty title="Nothing was told." />
              )}
            </Card>
          </>
        )}
      </LoadedView>
    </>
  )
}

function NotVerified() {
  return (
    <Empty title="Nothing was verified since the start.">
      A verification reads every batch that is stored, checks its checksum and what the indexes say of it. It changes
      nothing.
    </Empty>
  )
}

type Verification = NonNullable<Reports['verification']>

function Verdict({ of: { endedAtMs, sound } }: { of: Verification }) {
  const [tone, text]: [Tone, string] =
    endedAtMs === null
      ? ['note', 'under way']
      : sound
        ? ['good', 'sound']
        : sound === false
          ? ['bad', 'not sound']
          : ['warn', 'ended early']
  return <Badge tone={tone}>{text}</Badge>
}

const shownFindings = 200

function VerificationView({ of: { startedAtMs, endedAtMs, findings } }: { of: Verification }) {
  return (
    <>
      <Facts
        of={[
          ['Begun', dateTime(startedAtMs)],
          ['Ended', endedAtMs === null ? 'not yet' : dateTime(endedAtMs)],
          ['Took', span((endedAtMs ?? Date.now()) - startedAtMs)],
          ['Findings', count(findings.length)],
        ]}
      />
      {findings.length > 0 && (
        <ul class="findings">
          {findings.slice(0, shownFindings).map((finding) => (
            <li key={finding}>{finding}</li>
          ))}
          {findings.length > shownFindings && <li>and {plural(findings.length - shownFindings, 'finding')} more</li>}
        </ul>
      )}
    </>
  )
}
