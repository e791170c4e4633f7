/** What the broker advises: what is wrong, how it knows, what to do, and the setting to copy. */

import type { Advice, Severity } from '../../../src/console/api-types.js'
import { Card, CopyButton } from '../../components/small.js'
import { fromNow } from '../../format.js'

const order: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, note: 2 }

export function AdviceList({ advice }: { advice: readonly Advice[] }) {
  const sorted = [...advice].sort((a, b) => order[a.severity] - order[b.severity] || b.sinceMs - a.sinceMs)
  return (
    <Card title="Advice" aside={advice.length > 0 && String(advice.length)} flush class="is-advice">
      {sorted.length === 0 && <p class="advice-none">Nothing to advise: the figures are as they should be.</p>}
      {sorted.map((each) => (
        <AdviceCard key={`${each.rule}/${each.subject ?? ''}`} {...each} />
      ))}
    </Card>
  )
}

function AdviceCard({ severity, title, evidence, remedy, setting, subject, sinceMs }: Advice) {
  const line = setting && `${setting.name}=${setting.value}`
  return (
    <article class={`advice is-${severity}`}>
      <header>
        <h3>{title}</h3>
        <span>{fromNow(sinceMs)}</span>
      </header>
      <p class="quiet-text">
        {subject && <b>{subject}: </b>}
        {evidence}
      </p>
      <p>{remedy}</p>
      {line && (
        <div class="advice-setting">
          <code>{line}</code>
          <CopyButton text={line} />
        </div>
      )}
    </article>
  )
}
