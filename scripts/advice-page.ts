/** Writes docs/advice.md from the rules of advice. */

import { rules } from '../src/monitoring/advice/rules.js'

export function advicePage(): string {
  const rows = rules.map(
    ({ id, severity, title, when, leastEvidence }) =>
      `| \`${id}\` | ${severity} | ${title} | ${when} | ${leastEvidence} |`,
  )
  return `# Advice

What a broker says of itself in plain words: what is wrong, how that is known (the figure and its threshold), what to change, and the setting to write. The rules are one
table of the source; this page is written from it. The console shows what holds now, \`GET /api/advice\` tells it to programs, and \`holdfast doctor --http HOST:PORT\` on a command line. Of a
process that counts nothing, being served without \`--http\`, it tells what is wrong with its logs; of a folder that nobody serves \`holdfast doctor\` tells what the probe of its device, the disk and the host give away. See [operations](operations.md#advice-and-the-doctor).

- **Nothing is said on too little evidence.** Figures are those of the last five minutes, growth is that of the last hour; where a rule has seen less than its least evidence it is silent.
- **It does not flicker.** A figure has to be beyond its threshold for 20 seconds before anything is said, and good again for a minute before it is taken back; what is good again lies
  on the other side of the threshold (a disk is filling above 80 %, and no more below 78 %).
- **Severity.** *critical*: messages are lost or refused, or will be. *warning*: somebody should see to it. *note*: it could be better; \`doctor\` counts it as no finding.

| rule | severity | says | when | least evidence |
|---|---|---|---|---|
${rows.join('\n')}
`
}
