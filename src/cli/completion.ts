/** `holdfast completion bash | zsh | fish`, and what those scripts ask when a key is pressed. */

import { Argument, type Command } from 'commander'
import { type Completion, complete } from './completing.js'
import { type Shell, scripts, shells } from './completion-scripts.js'

const installHelp = `
Load it once:
  source <(holdfast completion bash)         source <(holdfast completion zsh)         holdfast completion fish | source
For each new shell:
  holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast
  holdfast completion zsh > "\${fpath[1]}/_holdfast"
  holdfast completion fish > ~/.config/fish/completions/holdfast.fish`

export function completionCommands(): (parent: Command) => void {
  return (parent) => {
    parent
      .command('completion')
      .description('print what a shell needs to complete commands, options, topics and groups')
      .addArgument(new Argument('<shell>', 'the shell').choices(shells))
      .addHelpText('after', installHelp)
      .action((shell: Shell) => {
        process.stdout.write(scripts[shell])
      })
    parent
      .command('__complete <shell> [words...]', { hidden: true })
      .allowUnknownOption()
      .action((shell: Shell, words: readonly string[]) => answer(parent, shell, words))
  }
}

async function answer(program: Command, shell: Shell, words: readonly string[]): Promise<void> {
  const { completionNames } = await import('./completion-names.js')
  const whole = shell === 'bash' ? rejoined(words) : words
  const found = await complete(program, whole, completionNames())
  process.stdout.write(linesOf(found, shell === 'bash' ? alreadyThere(whole.at(-1) ?? '') : '').join(''))
  // A broker that does not answer must not hold the prompt.
  process.exit()
}

/** bash takes a word apart at `=` and `:`, and each of the parts, those two included, for a word. */
export function rejoined(words: readonly string[]): string[] {
  const whole: string[] = []
  for (const word of words) {
    const last = whole.at(-1)
    const isBreak = word === '=' || word === ':'
    if (last !== undefined && last !== '' && (isBreak || /[^\s][=:]$/.test(last))) whole[whole.length - 1] = last + word
    else whole.push(word)
  }
  return whole
}

/** The part of a word that bash does not expect again, since it stands in words before. */
function alreadyThere(word: string): string {
  return /^.*[=:]/s.exec(word)?.[0] ?? ''
}

function linesOf({ candidates, paths }: Completion, there: string): string[] {
  const lines = candidates.map(({ value, help = '' }) => `${value.slice(there.length)}\t${firstSentence(help)}\n`)
  if (candidates.length > 0 && candidates.every(({ isOpen }) => isOpen)) lines.push(':open\n')
  if (paths !== undefined) lines.push(`:${paths}\n`)
  return lines
}

function firstSentence(help: string): string {
  return help.split(/(?<=\.) |\n/)[0].replaceAll('\t', ' ')
}
