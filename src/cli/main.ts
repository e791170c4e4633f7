/** The command line: what commands there are, and how their failures become exit codes. */

import { createRequire } from 'node:module'
import { Command } from 'commander'
import { backupCommands } from './backup.js'
import { consumeCommand } from './consume.js'
import { doctorCommand } from './doctor.js'
import { dumpCommand } from './dump.js'
import { findCommands } from './find.js'
import { groupCommands } from './groups.js'
import { printError } from './output.js'
import { produceCommand } from './produce.js'
import { repairCommand } from './repair.js'
import { serveCommand } from './serve.js'
import { settingsCommand } from './settings.js'
import { topicCommands } from './topics.js'
import { verifyCommand } from './verify.js'

/** Runs one command. Sets the exit code: 0 done, 1 failed or wrong usage. */
export async function main(args: readonly string[]): Promise<void> {
  // Whoever reads may have enough (`| head`); commands that go on for long notice it themselves.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') printError(error)
  })
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  const program = new Command('holdfast')
    .description('A durable message queue: inside a program, or as a server that speaks the Kafka protocol.')
    .version(version)
    .showHelpAfterError('(--help shows what can be said)')
  const commands = [
    serveCommand(),
    topicCommands(),
    produceCommand(),
    consumeCommand(),
    findCommands(),
    groupCommands(),
    backupCommands(),
    settingsCommand(),
    doctorCommand(),
    dumpCommand(),
    verifyCommand(),
    repairCommand(),
  ]
  for (const add of commands) add(program)
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    printError(error)
    process.exitCode = 1
  }
}
