/** Writes docs/metrics.md from the table of metrics. */

import { metricNames, metricsTable, mostSeries, othersLabel } from '../src/core/metrics/table.js'

export function metricsPage(): string {
  const rows = metricNames.map((name) => {
    const { kind, unit, help, labels } = metricsTable[name]
    const shown = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${kind} | ${unit === '1' ? '' : unit} | ${shown} | ${help} |`
  })
  return `# Metrics

What is counted, in one table of the source; this page is written from it. Nothing is counted unless somebody wants to know, and counting is done per batch, per flush and
per call to the disk, never per message.

- **A broker** shows them at \`/metrics\` of its HTTP port (\`holdfast serve --http 127.0.0.1:8080\`), for Prometheus.
- **In a program** \`open('./data', { metrics: true })\` counts; \`await mq.metrics.text()\` is the same text, and \`await mq.metrics.snapshot()\` the same as plain numbers. With
  \`open('./data', { metrics: registry })\` they appear in your own registry of prom-client, until the queue is closed. See [the library](library.md#metrics).

Names, units and labels follow the conventions of Prometheus: seconds, bytes, ratios from 0 to 1; counters end in \`_total\` and begin at 0 with each start. Of a histogram
there are \`_bucket\`, \`_sum\` and \`_count\`.

**How many series there are is bounded.** Labels take values of short lists, but for \`topic\`, \`partition\` and \`group\`: the first ${mostSeries} partitions, and the first ${mostSeries} groups with
their topics, have series of their own; what is beyond is summed under \`${othersLabel}\`.

| metric | kind | unit | labels | meaning |
|---|---|---|---|---|
${rows.join('\n')}

## Questions and their queries

| question | PromQL |
|---|---|
| how long does a flush take, 99 of 100 | \`histogram_quantile(0.99, sum by (le) (rate(mq_flush_duration_seconds_bucket[5m])))\` |
| how many messages share a flush | \`sum(rate(mq_messages_per_flush_sum[5m])) / sum(rate(mq_messages_per_flush_count[5m]))\` |
| how many messages come in a second | \`rate(mq_appended_messages_total[1m])\` |
| how large are the batches | \`rate(mq_appended_messages_total[5m]) / rate(mq_appended_batches_total[5m])\` |
| how far is each group behind | \`sum by (group) (mq_consumer_lag)\` |
| is anything refused, and why | \`sum by (error) (rate(mq_refused_requests_total[5m])) > 0\` |
| in how many hours is the disk full | \`mq_disk_free_bytes / (mq_store_hourly_growth_bytes > 0)\` |
| what could a power cut take | \`sum(mq_log_undurable_messages)\` (0 under SYNC_FLUSH, but for what is on its way) |
`
}
