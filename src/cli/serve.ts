/** `holdfast serve`: the broker as a process of its own. */

import type { Command } from 'commander'
import { Option } from 'commander'
import type { Logger } from '../core/logger.js'
import type { KafkaServer } from '../kafka/server.js'
import type { RecoveryReport } from '../storage/recovery.js'
import { firstSteps } from './first-steps.js'
import { printError, printJson } from './output.js'
import { recoveryOnTerminal, recoveryText } from './recovery.js'
import { checkReachable, openServed, type Served } from './replication.js'
import { type HttpOptions, type HttpToCome, prepareHttp, type ServedHttp, withHttp } from './serve-http.js'
import { type SettingsOptions, settingsOf, sourcesHelp, withSettings } from './settings-options.js'
import { parseAddress } from './target.js'

interface Options extends SettingsOptions, HttpOptions {
  readonly data: string
  readonly listen: { host: string; port: number }
  readonly advertise?: { host: string; port: number }
  readonly json?: boolean
  readonly fullScan?: boolean
  readonly logLevel: string
  readonly printConfig?: boolean
}

export function serveCommand(): (parent: Command) => void {
  return (parent) => {
    const command = withSettings(
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
    withHttp(command)
      .option('--full-scan', 'check every message at the start, not only what a crash may have harmed')
      .option('--print-config', 'print every setting that would hold, and where it is from, and serve nothing')
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
  if (options.printConfig) return (await import('./settings.js')).printSettings(options)
  // All at once, so that reading one module overlaps with compiling another; only what is served has to be loaded.
  const [settings, logger, { KafkaServer }, { listenForControl }, { nodeDisk }] = await Promise.all([
    settingsOf(options),
    stderrLogger(options.logLevel),
    import('../kafka/server.js'),
    import('./control-socket.js'),
    import('../files/node-disk.js'),
  ])
  const http = await prepareHttp(options, { dataPath: options.data, disk: nodeDisk, logger })
  const progress = recoveryOnTerminal()
  const opened = { settings, logger, fullScan: options.fullScan, metrics: http?.metrics, onRecovery: progress.show }
  checkReachable(options.advertise ?? options.listen, settings)
  const served = await openServed(options.data, opened).finally(progress.clear)
  const { broker, node } = served
  const { server, console } = await listen(KafkaServer, served, { options, logger, http })
  const tools = { disk: nodeDisk, logger, monitor: console?.monitor, node }
  const control = await listenForControl(broker, options.data, tools)
  // Whoever reads that it serves may end it at once.
  const stopped = stopSignal()
  announce({ server, console, waitsFor: node?.trouble }, broker.recovery, options)
  await stopped
  await control.close()
  await console?.close()
  process.exitCode = await stop(server, served)
  // What is still open now (a client that does not read its answer) must not hold the process.
  process.exit()
}

interface Listening {
  readonly options: Options
  readonly logger: Logger
  readonly http: HttpToCome | undefined
}

/** A broker whose servers cannot listen is closed in order. */
async function listen(
  Server: typeof KafkaServer,
  { broker, replication, start, close }: Served,
  { options, logger, http }: Listening,
): Promise<{ server: KafkaServer; console: ServedHttp | undefined }> {
  const { listen: address, advertise } = options
  let server: KafkaServer | undefined
  try {
    server = await Server.listen(broker, {
      ...address,
      advertisedHost: advertise?.host,
      advertisedPort: advertise?.port,
      metrics: http?.metrics,
      logger,
      replication,
    })
    await start(advertise ?? { host: server.host, port: server.port })
    return { server, console: await http?.begin(broker, addressOf(server)) }
  } catch (error) {
    await server?.close()
    await close()
    throw error
  }
}

function addressOf({ host, port }: KafkaServer): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

interface Announced {
  readonly server: KafkaServer
  readonly console: ServedHttp | undefined
  /** Why this node cannot lead yet. */
  readonly waitsFor: string | undefined
}

function announce({ server, console, waitsFor }: Announced, recovery: RecoveryReport, { data, json }: Options): void {
  const kafka = addressOf(server)
  const http = console?.address
  if (json) {
    printJson({ ready: true, kafka, http, data, pid: process.pid, recovery, waitsFor })
    return
  }
  process.stdout.write(recoveryText(recovery))
  process.stdout.write(`Holdfast serves ${data} on ${kafka} (Kafka protocol). Ctrl-C stops it.\n`)
  if (waitsFor !== undefined) process.stdout.write(`It waits, and does not lead before: ${waitsFor}\n`)
  if (console !== undefined) process.stdout.write(`Its console is at ${console.url}/\n`)
  process.stdout.write(firstSteps({ kafka, http: console?.url }))
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
async function stop(server: KafkaServer, served: Served): Promise<number> {
  try {
    await server.close()
    await served.close()
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
