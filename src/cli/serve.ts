/** `holdfast serve`: the broker as a process of its own. */

import type { Command } from 'commander'
import { Option } from 'commander'
import type { Broker } from '../broker/broker.js'
import type { Logger } from '../core/logger.js'
import type { KafkaServer } from '../kafka/server.js'
import type { RecoveryReport } from '../storage/recovery.js'
import { firstSteps } from './first-steps.js'
import { printError, printJson } from './output.js'
import { recoveryOnTerminal, recoveryText } from './recovery.js'
import { type SettingsOptions, settingsOf, sourcesHelp, withSettings } from './settings-options.js'
import { parseAddress } from './target.js'

interface Options extends SettingsOptions {
  readonly data: string
  readonly listen: { host: string; port: number }
  readonly advertise?: { host: string; port: number }
  readonly json?: boolean
  readonly fullScan?: boolean
  readonly logLevel: string
}

export function serveCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('serve')
        .description('serve a data directory over the Kafka protocol')
        .option('-d, --data <dir>', 'data directory, made where it does not exist', './data')
        .addOption(
          new Option('-l, --listen <host:port>', 'address to listen on; port 0 takes a free one')
            .argParser(parseAddress)
            .default({ host: '127.0.0.1', port: 9092 }, '127.0.0.1:9092'),
        )
        .option('-a, --advertise <host:port>', 'address that clients are told, where it is another one', parseAddress),
    )
      .option('--full-scan', 'check every message at the start, not only what a crash may have harmed')
      .option('--json', 'print one line of JSON when it serves')
      .addOption(
        new Option('--log-level <level>', 'what to log on stderr')
          .choices(['debug', 'info', 'warn', 'error', 'silent'])
          .default('warn'),
      )
      .addHelpText('after', sourcesHelp)
      .action(serve)
  }
}

async function serve(options: Options): Promise<void> {
  // All at once, so that reading one module overlaps with compiling another; only what is served has to be loaded.
  const [settings, logger, { Broker }, { KafkaServer }, { listenForControl }, { nodeDisk }] = await Promise.all([
    settingsOf(options),
    stderrLogger(options.logLevel),
    import('../broker/broker.js'),
    import('../kafka/server.js'),
    import('./control-socket.js'),
    import('../files/node-disk.js'),
  ])
  const progress = recoveryOnTerminal()
  const { fullScan } = options
  const opening = Broker.open(options.data, { settings, logger, fullScan, onRecovery: progress.show })
  const broker = await opening.finally(progress.clear)
  const server = await listen(KafkaServer, broker, options, logger)
  const control = await listenForControl(broker, options.data, { disk: nodeDisk, logger })
  announce(server, broker.recovery, options)
  await stopSignal()
  await control.close()
  process.exitCode = await stop(server, broker)
  // What is still open now (a client that does not read its answer) must not hold the process.
  process.exit()
}

/** A broker whose server cannot listen is closed in order. */
async function listen(
  Server: typeof KafkaServer,
  broker: Broker,
  options: Options,
  logger: Logger,
): Promise<KafkaServer> {
  const { listen: address, advertise } = options
  try {
    return await Server.listen(broker, {
      ...address,
      advertisedHost: advertise?.host,
      advertisedPort: advertise?.port,
      logger,
    })
  } catch (error) {
    await broker.close()
    throw error
  }
}

function announce(server: KafkaServer, recovery: RecoveryReport, options: Options): void {
  const host = server.host.includes(':') ? `[${server.host}]` : server.host
  const address = `${host}:${server.port}`
  if (options.json) {
    printJson({ ready: true, kafka: address, data: options.data, pid: process.pid, recovery })
    return
  }
  process.stdout.write(recoveryText(recovery))
  process.stdout.write(`Holdfast serves ${options.data} on ${address} (Kafka protocol). Ctrl-C stops it.\n`)
  process.stdout.write(firstSteps({ kafka: address }))
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = () => {
      process.once('SIGTERM', () => process.exit(143))
      process.once('SIGINT', () => process.exit(130))
      resolve()
    }
    process.once('SIGTERM', onSignal)
    process.once('SIGINT', onSignal)
  })
}

/** Answers what is in work, flushes, closes. Returns the exit code. */
async function stop(server: KafkaServer, broker: Broker): Promise<number> {
  try {
    await server.close()
    await broker.close()
    return 0
  } catch (error) {
    printError(error)
    return 1
  }
}

async function stderrLogger(level: string): Promise<Logger> {
  const { pino, destination, stdSerializers } = await import('pino')
  const logger: Logger = pino({ level, base: null, serializers: { err: stdSerializers.err } }, destination(2))
  return logger
}
