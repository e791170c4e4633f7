/**
 * Writes the reference pages that are tables of the source: docs/settings.md, docs/errors.md and docs/protocol.md. `npm run docs` writes
 * them; a test fails where they are not what this program would write.
 */

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { errorTable } from '../src/core/errors.js'
import { describeSettings } from '../src/core/settings.js'
import { endpoints } from '../src/kafka/api/index.js'

const docs = resolve(import.meta.dirname, '../docs')

export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    [join(docs, 'settings.md'), settingsPage()],
    [join(docs, 'errors.md'), errorsPage()],
    [join(docs, 'protocol.md'), protocolPage()],
  ])
}

function settingsPage(): string {
  const rows = describeSettings().map(
    (row) =>
      `| \`${row.name}\` | ${row.topicName ? `\`${row.topicName}\`` : ''} | ${row.default} | ${row.range} | ${row.help} |`,
  )
  return `# Settings

Given to \`holdfast serve --set NAME=VALUE\`, to \`open(dir, { settings: { NAME: VALUE } })\` and to \`startBroker({ settings })\`. A topic may override those
with a topic name: \`holdfast topics create orders --config segment.bytes=16777216\`, or the configuration entries of any Kafka client. An unknown name
or a value out of range is refused, with name, value and range. Names are Kafka's where Kafka has the thing.

| setting | topic name | default | range | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`
}

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, row]) => {
    const fatal = 'fatal' in row && row.fatal ? 'yes' : ''
    return `| \`${code}\` | ${row.kafka} | ${row.retriable ? 'yes' : ''} | ${fatal} | ${row.text} |`
  })
  return `# Errors

Every error that this program answers with is a \`HoldfastError\` with one of these codes; its message says what exactly was wrong and what to do.
"Kafka" is the number on the wire (-1 is UNKNOWN_SERVER_ERROR). "Retriable": the same call may succeed later. "Closes the log": no
more appends until the log went through recovery.

| code | Kafka | retriable | closes the log | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`
}

function protocolPage(): string {
  const rows = endpoints.map(({ api }) => `| ${api.key} | ${api.name} | ${api.versions[0]}-${api.versions[1]} |`)
  return `# Requests of the Kafka protocol that are answered

Each is one file in \`src/kafka/api\`, its key first, with its behaviour at its head. Produce is advertised from version 0 on (see [compatibility](compatibility.md)).

| key | request | versions |
|---|---|---|
${rows.join('\n')}
`
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, text] of referencePages()) writeFileSync(path, text)
}
