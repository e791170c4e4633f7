/**
 * Writes the reference pages that are tables of the source: docs/settings.md, docs/holdfast.properties, docs/cli.md,
 * docs/errors.md, docs/protocol.md, docs/metrics.md, docs/advice.md and the dashboard of docs/monitoring/.
 * `npm run docs` writes them; a test fails where they are not what this program would write.
 */

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCures } from '../src/core/error-cures.js'
import { type ErrorCode, errorTable } from '../src/core/errors.js'
import { describeSettings } from '../src/core/settings.js'
import { settingsFileText } from '../src/core/settings-file-text.js'
import { profiles } from '../src/core/settings-profiles.js'
import { endpoints } from '../src/kafka/api/index.js'
import { advicePage } from './advice-page.js'
import { cliPage } from './cli-page.js'
import { grafanaDashboard } from './grafana-dashboard.js'
import { metricsPage } from './metrics-page.js'

const docs = resolve(import.meta.dirname, '../docs')

export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    [join(docs, 'settings.md'), settingsPage()],
    [join(docs, 'holdfast.properties'), settingsFileText()],
    [join(docs, 'cli.md'), cliPage()],
    [join(docs, 'errors.md'), errorsPage()],
    [join(docs, 'protocol.md'), protocolPage()],
    [join(docs, 'metrics.md'), metricsPage()],
    [join(docs, 'advice.md'), advicePage()],
    [join(docs, 'monitoring/holdfast-dashboard.json'), grafanaDashboard()],
  ])
}

function settingsPage(): string {
  const rows = describeSettings().map((row) => {
    const topicName = row.topicName ? `\`${row.topicName}\`${row.fixed ? ' (fixed)' : ''}` : ''
    return `| \`${row.name}\` | ${topicName} | ${row.default || '(empty)'} | ${row.range} | ${row.unit ?? ''} | ${row.live ? 'at once' : ''} | ${row.help} |`
  })
  const sets = Object.entries(profiles).map(([name, { values, help }]) => {
    const shown = Object.entries(values).map(([setting, value]) => `\`${setting}=${value}\``)
    return `| \`${name}\` | ${shown.join(', ')} | ${help} |`
  })
  return `# Settings

Every setting has a name, a type, bounds and a default, in one table of the source; this page is written from it. Names are Kafka's where Kafka has the
thing. A name that is not in the table, a value out of its range, and values that contradict each other are refused, with name, value, range and the
place they come from; nothing is accepted that is not enforced. Most are read when the store opens; some can be [changed while it is open](#changing-them-while-it-serves), and so can what a topic
says for itself. [holdfast.properties](holdfast.properties) has them all with a comment on each; \`holdfast settings --print-file\` prints it.

## Where they come from

Later ones win over earlier ones:

| | source | for example |
|---|---|---|
| 1 | defaults | the table below |
| 2 | a profile | \`--profile fast\`, \`open(dir, { profile: 'fast' })\`, \`profile=fast\` in a file, \`HOLDFAST_PROFILE=fast\` |
| 3 | a file | \`--config holdfast.properties\`, \`open(dir, { config: 'holdfast.json' })\`, \`HOLDFAST_CONFIG=/etc/holdfast.properties\` |
| 4 | the environment | \`HOLDFAST_FLUSH_DISK_TYPE=BATCH_FLUSH\` |
| 5 | flags, code | \`--set flush.disk.type=BATCH_FLUSH\`, \`open(dir, { settings: { 'flush.disk.type': 'BATCH_FLUSH' } })\` |
| 6 | changes while it serves | \`holdfast config set num.partitions=4\` |
| 7 | a topic's configuration | \`holdfast topics create orders --config flush.disk.type=BATCH_FLUSH\` |

They hold for \`holdfast serve\`, for every command with \`--data\` (in \`topics create\` the file is \`--config-file\`, since \`--config\` is the topic's there), and
for \`open()\`. \`startBroker()\` of \`holdfast/testing\` and \`Broker.open()\` take settings from code alone, so that a test does not depend on who runs it.

\`holdfast serve --print-config\` and \`holdfast settings --data DIR\`, with the same options as the command they ask about, show each value in force and where it is from (default, profile,
file with its line, environment, flag, altered), and open nothing. \`holdfast config get\` asks a broker that serves; Kafka tools see the same through
DescribeConfigs (\`STATIC_BROKER_CONFIG\` for 2 to 5, \`DYNAMIC_BROKER_CONFIG\` for 6, \`DYNAMIC_TOPIC_CONFIG\` for 7).

**Files.** A \`.properties\` file follows the rules of Java: \`name=value\`, \`name: value\` or \`name value\`; \`#\` and \`!\` begin a comment line; a backslash at the end of
a line carries it on, and otherwise escapes (\`\\t\`, \`\\u00e9\`, \`\\\\\`). It is UTF-8. A \`.json\` file is one flat object of texts, numbers and booleans. Where a name
stands twice, the last one holds.

**Environment.** The variable of a setting is \`HOLDFAST_\` and its name in capitals, dots as underscores. Any other variable that begins with \`HOLDFAST_\` is refused,
since it is most likely a typo, except \`HOLDFAST_CONFIG\`; \`HOLDFAST_NO_LIBC=1\` (do without libc: no mapped files, a lock file instead of the kernel's lock); names that
begin with \`HOLDFAST_TEST_\`; and those that Kubernetes and Docker set beside a service called holdfast (\`HOLDFAST_SERVICE_HOST\`, \`HOLDFAST_PORT_9092_TCP\` and the like).

**In code** \`flush: 'sync' | 'batch' | 'async'\` is short for \`flush.disk.type\`, in \`open(dir, { flush: 'async' })\` and in \`topics.create(name, { flush: 'sync' })\`.

**Topics** override the settings that have a topic name below, by that name: \`holdfast topics create orders --config segment.bytes=16777216\`, or the
configuration entries of any Kafka client. \`holdfast topics alter orders --config segment.bytes=33554432 --delete-config max.message.bytes\`, \`mq.topics.alter()\` and
the tools of Kafka (AlterConfigs, IncrementalAlterConfigs) change them later: all entries of one call or none, durably, and for the running logs at once (a segment keeps the
\`file.preallocate\` it was begun with). What is marked "fixed" keeps the value that the topic was created with, and is refused with INVALID_CONFIG.

## Changing them while it serves

Settings that are read anew whenever they are needed ("at once" in the table below) can be changed while the broker serves: \`holdfast config set max.connections=500\`, or
AlterConfigs and IncrementalAlterConfigs on the broker resource, as Kafka's \`kafka-configs.sh --entity-type brokers --entity-name 1 --alter\` sends them. All entries of one call hold or none, at once and
durably: they stand in \`config/settings.json\` of the data directory, are backed up with it, and lie over everything that is given at a start, until \`holdfast config unset\` takes them
back. Topics that say nothing for themselves follow. All other settings are refused there: change them where they come from, and start anew. DescribeConfigs calls those read-only.

## Profiles

A profile is a ready-made set of values. Whatever is given by name, in any source, wins over it.

| profile | values | what it is for |
|---|---|---|
${sets.join('\n')}

Measured side by side, for the choice of the values: with \`sendMany\` of 1000 messages of 100 bytes, four calls in flight, into one partition, \`fast\` flushed 10 times for a
million messages instead of 124 times (\`flush.disk.type=ASYNC_FLUSH\` alone), had a flush under way for a quarter of the time instead of all of it, and took 0.7 of
the CPU time a message, mostly for the zeros that it does not write. With 50 callers that each send a message and pause for 0 to 20 ms, \`hybrid\`
put 21 messages into a flush and \`reliable\` 6; a lone caller waited 10.5 ms and 1.5 ms. What an acknowledgement means under each is in
[durability](durability.md).

## What contradicts itself

- \`BATCH_FLUSH\` with a \`flush.interval.ms\` that is not less than \`flush.commitlog.timeout\`: a message sent alone would be answered FLUSH_DISK_TIMEOUT before its
  round closes.
- A \`group.min.session.timeout.ms\` above \`group.max.session.timeout.ms\`: no session timeout would be accepted.
- A \`store.path.commitlog\` that is the data directory itself or its \`config\`, or that holds the logs of another cluster.

## All settings

"Changes at once": \`holdfast config set NAME=VALUE\` changes it while the broker serves. All others are read when the store opens.

| setting | topic name | default | range | unit | changes | meaning |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`
}

function errorsPage(): string {
  const codes = Object.keys(errorTable) as ErrorCode[]
  const rows = codes.map((code) => {
    const row = errorTable[code]
    const fatal = 'fatal' in row && row.fatal ? 'yes' : ''
    return `| [\`${code}\`](#${code.toLowerCase()}) | ${row.kafka} | ${row.retriable ? 'yes' : ''} | ${fatal} | ${row.text} |`
  })
  const sections = codes.map((code) => {
    const { cause, cure } = errorCures[code]
    return `### ${code}\n\n${errorTable[code].text}\n\n- **Cause:** ${cause}\n- **Cure:** ${cure}\n`
  })
  return `# Errors

Every error that this program answers with is a \`HoldfastError\` with one of these codes; its message says what exactly was wrong and what to do,
and its \`cure\` is the sentence below. "Kafka" is the number on the wire (-1 is UNKNOWN_SERVER_ERROR). "Retriable": the same call may succeed later.
"Closes the log": no more appends until the log went through recovery.

| code | Kafka | retriable | closes the log | meaning |
|---|---|---|---|---|
${rows.join('\n')}

## Cause and cure

What to do step by step where a disk or a folder is damaged stands in [operations](operations.md#when-verify-complains-step-by-step).

${sections.join('\n')}`
}

function protocolPage(): string {
  const rows = endpoints
    .filter(({ api }) => !api.isPrivate)
    .map(({ api }) => `| ${api.key} | ${api.name} | ${api.versions[0]}-${api.versions[1]} |`)
  const privateNames = endpoints
    .filter(({ api }) => api.isPrivate)
    .map(({ api }) => `${api.name} (${api.key})`)
    .join(' and ')
  return `# Requests of the Kafka protocol that are answered

Each is one file in \`src/kafka/api\`, its key first, with its behaviour at its head. Produce is advertised from version 0 on (see [compatibility](compatibility.md)).

| key | request | versions |
|---|---|---|
${rows.join('\n')}

Nodes that copy one another also say ${privateNames} among themselves, which no client is told of.
`
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, text] of referencePages()) writeFileSync(path, text)
}
