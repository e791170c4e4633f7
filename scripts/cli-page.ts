/** Writes docs/cli.md: what the command line has in common, and the help of each command, from the tree of commands itself. */

import type { Command } from 'commander'
import { commandTree } from '../src/cli/main.js'

const columns = 110

const head = `# The command line

Every command works on a served broker (\`--broker HOST:PORT\`, by default 127.0.0.1:9092), on a data directory that nobody serves (\`--data DIR\`), or on files.
\`holdfast COMMAND --help\` shows what stands here. The second half of this page is written from the commands themselves.

\`\`\`sh
holdfast serve --data ./data                         # in one terminal; it stays there
echo hello | holdfast produce greetings              # in another
holdfast consume greetings --no-follow
holdfast topics list
holdfast groups reset billing --topic orders --to @2026-01-31T12:00:00Z --dry-run
\`\`\`

## Forms of output

People get tables, which on a terminal fit its width (or \`COLUMNS\`): texts are cut with "…", and columns of less weight are left out. In a pipe nothing is cut, and there are no
borders, so that \`awk\` and \`cut\` can read it. Programs choose:

| option | form |
|---|---|
| \`--json\` | one value of JSON: an object of what is described, an array of what is listed. Where messages are printed (\`consume\`, \`find\`, \`at\`, \`get\`), and one receipt or row after the other, a line of JSON each |
| \`--format json\` | one array |
| \`--format jsonl\` | a line of JSON each |
| \`--format csv\`, \`--format tsv\` | with a line of names first; CSV as in RFC 4180, TSV with \`\\t\`, \`\\n\`, \`\\r\` and \`\\\\\` for what would break a line |
| \`--format plain\` | values with tabs between, without names |
| \`--template '{name} {partitions}'\` | a line of your own; what may stand in braces are the fields of \`--json\`, with dots into objects, and \`\\t\`, \`\\n\` for a tab and a line end |

Names of fields stay; new ones may come. Messages go to stdout, and everything about the work itself (errors, progress) to stderr.

\`consume --json\` and \`produce --input jsonl\` are each other's reverse: \`holdfast consume orders --no-follow --json | holdfast produce copy --input jsonl\` copies keys, values and
headers that are text. For bytes of any kind, \`consume\` without a form prints each value as it is.

## Exit codes

| code | meaning |
|---|---|
| 0 | done, and nothing is wrong |
| 1 | it failed, or found what should not be: damage (\`verify\`, \`dump\`), or something left to mend (\`repair\`) |
| 2 | options, arguments or settings that are wrong; of \`verify\` and \`repair\` also that they could not run |
| 130, 143 | \`serve\` was told to stop a second time (Ctrl-C, SIGTERM) before it had closed in order |

Errors end with a code of [the table of errors](errors.md) in parentheses, and mostly with a line that says what to do.

## Terminal

- **Colours** only on a terminal, and few: errors red, warnings yellow, headings bold. \`NO_COLOR=1\` switches them off; \`FORCE_COLOR=1\` on, also in a pipe, \`FORCE_COLOR=0\` off.
- **Progress** of \`verify\`, \`repair\`, \`backup\`, \`restore\`, and of a start that has to read logs: a bar with rate and time left on stderr, where that is a terminal.
- **\`--follow\`** of \`topics list\`, \`groups list\` and \`groups describe\` shows them again every two seconds (\`--every MS\`); \`consume\` follows unless told \`--no-follow\`. Ctrl-C ends either.
- **Completion** of commands, options, their values, settings, files, and of the topics and groups of the broker or data directory that the line names (where it answers within 0.4 s):

\`\`\`sh
source <(holdfast completion bash)        # or for good: > ~/.local/share/bash-completion/completions/holdfast
source <(holdfast completion zsh)         # or for good: > "\${fpath[1]}/_holdfast"
holdfast completion fish | source         # or for good: > ~/.config/fish/completions/holdfast.fish
\`\`\`

A simple command takes about 0.1 s, most of which is the start of Node.js itself.

## Changing settings while it serves

\`holdfast config get\` shows what holds for the broker, \`-t TOPIC\` for a topic, and which of it can be changed now. \`holdfast config set num.partitions=4\` and \`config set -t orders
retention.ms=3600000\` change it at once and for good; \`config unset\` takes it back; \`--dry-run\` only checks. [Settings](settings.md) says which settings of the broker wait for a start.

## Commands
`

export function cliPage(): string {
  const sections = withChildren(commandTree()).map(
    (command) => `### ${pathOf(command)}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`,
  )
  return `${head}\n${sections.join('\n')}`
}

function withChildren(command: Command): Command[] {
  const inner = command.commands.filter((each) => each.name() !== 'help' && !each.name().startsWith('_'))
  return [command, ...inner.flatMap(withChildren)]
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** As on a terminal of a fixed width, without colours. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => columns,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim()
}
