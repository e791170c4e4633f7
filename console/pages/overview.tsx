/** How the broker is, at a glance. */

import type { Overview } from '../../src/console/api-types.js'
import { useApi } from '../api/use-api.js'
import { PageHead } from '../components/small.js'
import { LoadedView } from '../components/states.js'

export function OverviewPage() {
  const overview = useApi<Overview>('api/overview', { everyMs: 5000 })
  return (
    <>
      <PageHead title="Overview" />
      <LoadedView of={overview}>{(data) => <p>{data.version}</p>}</LoadedView>
    </>
  )
}
