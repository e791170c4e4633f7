/** What may stand at the end of a command line, read off the tree of commands: subcommands, options, and their values. */

import type { Argument, Command, Option } from 'commander'

export interface Candidate {
  readonly value: string
  readonly help?: string
  /** More belongs to it, e.g. the value behind `name=`: no blank is put behind it. */
  readonly isOpen?: boolean
}

export interface Completion {
  readonly candidates: readonly Candidate[]
  /** Paths may stand here too, which the shell knows best. */
  readonly paths?: 'files' | 'directories'
}

/** Names that only a broker or a folder knows; what was typed so far says which. */
export interface NameSource {
  readonly kind: 'topics' | 'groups'
  /** Options that were given, by long name. */
  readonly options: Readonly<Record<string, string>>
}

export interface Names {
  /** Names of settings, and of those that a topic may say for itself. */
  readonly settings: readonly Candidate[]
  readonly topicSettings: readonly Candidate[]
  readonly profiles: readonly Candidate[]
  /** Topics and groups; empty where nobody answers soon. */
  lookUp(source: NameSource): Promise<readonly string[]>
}

/** @param words what stands behind the program's name; the last one is being typed, and may be empty */
export async function complete(program: Command, words: readonly string[], names: Names): Promise<Completion> {
  const typed = words.at(-1) ?? ''
  const before = read(program, words.slice(0, -1))
  if (before.awaits !== undefined) return valuesOf(before.awaits, typed, before, names)
  const assigned = before.onlyArguments ? null : /^(--[^=]+)=(.*)$/s.exec(typed)
  if (assigned !== null) {
    const option = optionNamed(before.command, assigned[1])
    if (option === undefined) return { candidates: [] }
    const { candidates, paths } = await valuesOf(option, assigned[2], before, names)
    return { candidates: candidates.map((each) => ({ ...each, value: `${assigned[1]}=${each.value}` })), paths }
  }
  if (typed.startsWith('-') && !before.onlyArguments) return { candidates: optionsOf(before, typed) }
  const commands = before.arguments.length === 0 ? subcommandsOf(before.command, typed) : []
  const argument = argumentAt(before.command, before.arguments.length)
  const { candidates, paths } =
    argument === undefined ? { candidates: [] } : await valuesOf(argument, typed, before, names)
  return { candidates: [...commands, ...candidates], paths }
}

interface Typed {
  readonly command: Command
  /** Options by long name; a flag has an empty text. */
  readonly options: Record<string, string>
  readonly arguments: string[]
  /** The option whose value comes next. */
  readonly awaits?: Option
  /** Behind `--`. */
  readonly onlyArguments: boolean
}

/** Reads words as commander will. */
function read(program: Command, words: readonly string[]): Typed {
  let command = program
  let awaits: Option | undefined
  let onlyArguments = false
  const options: Record<string, string> = {}
  const given: string[] = []
  for (const word of words) {
    if (awaits !== undefined) {
      options[awaits.long ?? ''] = word
      awaits = undefined
    } else if (word === '--') onlyArguments = true
    else if (word.startsWith('-') && word !== '-' && !onlyArguments) {
      const [flag, value] = splitOnce(word)
      const option = optionNamed(command, flag)
      if (option === undefined) continue
      if (value === undefined && (option.required || option.optional)) awaits = option
      else options[option.long ?? ''] = value ?? ''
    } else {
      const inner = given.length === 0 ? command.commands.find((each) => each.name() === word) : undefined
      if (inner === undefined) given.push(word)
      else command = inner
    }
  }
  return { command, options, arguments: given, awaits, onlyArguments }
}

function splitOnce(word: string): [flag: string, value: string | undefined] {
  const at = word.indexOf('=')
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

function optionNamed(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag)
}

function argumentAt({ registeredArguments }: Command, at: number): Argument | undefined {
  const last = registeredArguments.at(-1)
  return registeredArguments[at] ?? (last?.variadic ? last : undefined)
}

function subcommandsOf(command: Command, typed: string): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ value: each.name(), help: each.summary() || each.description() }))
    .filter(({ value }) => value.startsWith(typed))
}

function optionsOf({ command, options }: Typed, typed: string): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !Object.hasOwn(options, option.long ?? '') || /may be repeated/.test(option.description))
    .map(({ long, description }) => ({ value: long ?? '', help: description }))
    .filter(({ value }) => value !== '' && value.startsWith(typed))
}

/** Of an option or an argument: choices where it has some; else by what it is called. */
async function valuesOf(what: Option | Argument, typed: string, before: Typed, names: Names): Promise<Completion> {
  const starting = (candidates: readonly Candidate[]) => ({
    candidates: candidates.filter(({ value }) => value.startsWith(typed)),
  })
  if (what.argChoices !== undefined) return starting(what.argChoices.map((value) => ({ value })))
  const kind = kindOf(what, before)
  switch (kind) {
    case 'files':
    case 'directories':
      return { candidates: [], paths: kind }
    case 'topics':
    case 'groups': {
      const found = await names.lookUp({ kind, options: before.options })
      return starting(found.map((value) => ({ value })))
    }
    case 'settings':
    case 'topicSettings':
      return starting(names[kind].map((each) => ({ ...each, value: `${each.value}=`, isOpen: true })))
    case 'settingNames':
    case 'topicSettingNames':
      return starting(kind === 'settingNames' ? names.settings : names.topicSettings)
    case 'profiles':
      return starting(names.profiles)
    case 'places':
      return starting([{ value: 'earliest' }, { value: 'latest' }])
    case 'nothing':
      return { candidates: [] }
  }
}

type Kind =
  | 'files'
  | 'directories'
  | 'topics'
  | 'groups'
  | 'settings'
  | 'topicSettings'
  | 'settingNames'
  | 'topicSettingNames'
  | 'profiles'
  | 'places'
  | 'nothing'

function kindOf(what: Option | Argument, { command, options }: Typed): Kind {
  const path = `${command.parent?.name() ?? ''} ${command.name()}`
  const isOfTopic = Object.hasOwn(options, '--topic')
  if ('long' in what) {
    const wanted = /<(.*)>|\[(.*)\]/.exec(what.flags)?.[1] ?? ''
    const ofOption: Readonly<Record<string, Kind>> = {
      '--topic': 'topics',
      '--group': 'groups',
      '--set': 'settings',
      '--delete-config': 'topicSettingNames',
      '--profile': 'profiles',
      '--to': path === 'groups reset' ? 'places' : 'nothing',
      '--from': path === 'holdfast consume' ? 'places' : 'nothing',
    }
    if (wanted === 'dir') return 'directories'
    if (wanted === 'file') return 'files'
    if (what.long === '--config') return 'topicSettings'
    return ofOption[what.long ?? ''] ?? 'nothing'
  }
  const name = what.name()
  if (path === 'topics create') return 'nothing'
  if (name === 'topic' || (name === 'name' && path.startsWith('topics '))) return 'topics'
  if (name === 'group') return 'groups'
  if (name === 'name=value') return isOfTopic ? 'topicSettings' : 'settings'
  if (name === 'name') return isOfTopic ? 'topicSettingNames' : 'settingNames'
  return name === 'path' || name === 'backup' || name === 'target' ? 'files' : 'nothing'
}
