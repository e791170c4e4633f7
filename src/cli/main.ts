/** The command line: what commands there are, and how their failures become exit codes. */

import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { backupCommands } from './backup.js'
import { completionCommands } from './completion.js'
import { configCommands } from './config.js'
import { consumeCommand } from './consume.js'
import { doctorCommand } from './doctor.js'
import { dumpCommand } from './dump.js'
import { exportCommand } from './export.js'
import { findCommands } from './find.js'
import { groupCommands } from './groups.js'
import { mirrorCommand } from './mirror.js'
import { exitCodeOf, exitCodes, printError } from './output.js'
import { produceCommand } from './produce.js'
import { promoteCommand } from './promote.js'
import { repairCommand } from './repair.js'
import { serveCommand } from './serve.js'
import { settingsCommand } from './settings.js'
import { painted } from './terminal.js'
import { topicCommands } from './topics.js'
import { traceCommand } from './trace.js'
import { verifyCommand } from './verify.js'

/** Runs one command. Sets the exit code: 0 done, 1 failed or found something, 2 wrong usage. */
export async function main(args: readonly string[]): Promise<void> {
  // Whoever reads may have enough (`| head`); commands that go on for long notice it themselves.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') printError(error)
  })
  try {
    await commandTree().parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has said what was wrong, or printed the help that was asked for.
      process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage
      return
    }
    printError(error)
    process.exitCode = exitCodeOf(error)
  }
}

/** All commands: what runs, what completion offers, and what docs/cli.md lists. */
export function commandTree(): Command {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  const program = new Command('holdfast')
    .description('A durable message queue: inside a program, or as a server that speaks the Kafka protocol.')
    .version(version)
    .showHelpAfterError('(--help shows what can be said)')
    .exitOverride()
    .configureHelp({ styleTitle: (title) => painted('heading', title) })
    .addHelpText('after', helpEnding)
  const commands = [
    serveCommand(),
    topicCommands(),
    configCommands(),
    produceCommand(),
    consumeCommand(),
    findCommands(),
    traceCommand(),
    groupCommands(),
    backupCommands(),
    promoteCommand(),
    mirrorCommand(),
    exportCommand(),
    settingsCommand(),
    doctorCommand(),
    dumpCommand(),
    verifyCommand(),
    repairCommand(),
    completionCommands(),
  ]
  for (const add of commands) add(program)
  return program
}

const helpEnding = `
A first run:
  holdfast serve --http 127.0.0.1:8080              in one terminal; it says what to do next
  echo hello | holdfast produce greetings           in another
  holdfast consume greetings --no-follow

Exit codes: 0 done, 1 failed or found something, 2 wrong options, arguments or settings.`
