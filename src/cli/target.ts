/** What a command works on: a broker that is served somewhere, or a data directory that nobody serves. */

import { type Command, InvalidArgumentError } from 'commander'
import type { BrokerService } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { damageText } from './recovery.js'
import { type SettingsOptions, settingsOf, withSettings } from './settings-options.js'

export interface TargetOptions extends SettingsOptions {
  readonly broker?: string
  readonly commandConfig?: string
  readonly data?: string
}

export const defaultBroker = '127.0.0.1:9092'

const brokersHelp = 'work on a served broker, HOST:PORT, or on a cluster: HOST:PORT,HOST:PORT or kafka://HOST,HOST'
export const commandConfigHelp = "TLS and SASL for --broker, from a file as Kafka's tools take (security.protocol=…)"
/** A cluster may be electing a leader just now. */
export const retryMs = 15_000

/** Adds `--broker`, `--data`, and where the settings for `--data` come from. @param fileFlag see {@link withSettings} */
export function withTarget(command: Command, fileFlag?: string): Command {
  command
    .option('-b, --broker <brokers>', `${brokersHelp} (default: ${defaultBroker})`)
    .option('--command-config <file>', commandConfigHelp)
    .option('-d, --data <dir>', 'work on a data directory that nobody serves')
  return withSettings(command, fileFlag)
}

/**
 * Runs `work` on the target and closes it, whatever happens.
 * @throws INVALID_ARGUMENT where both are named; CONNECTION_FAILED, DATA_DIR_LOCKED and the like
 */
export async function onTarget<T>(options: TargetOptions, work: (service: BrokerService) => Promise<T>): Promise<T> {
  const service = await openTarget(options)
  try {
    return await work(service)
  } finally {
    await service.close()
  }
}

async function openTarget(options: TargetOptions): Promise<BrokerService> {
  const { broker, data, commandConfig } = options
  if (broker !== undefined && data !== undefined) {
    throw new HoldfastError('INVALID_ARGUMENT', 'Name either --broker or --data, not both.')
  }
  if (data !== undefined && commandConfig !== undefined) {
    throw new HoldfastError('INVALID_ARGUMENT', '--command-config is for --broker; a folder asks nobody who they are.')
  }
  if (data !== undefined) {
    const [{ Broker }, settings] = await Promise.all([import('../broker/broker.js'), settingsOf(options)])
    const broker = await Broker.open(data, { settings })
    process.stderr.write(damageText(broker.recovery))
    return broker
  }
  if ([options.config, options.profile, options.set].some((given) => given !== undefined)) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      'A served broker has its own settings: a settings file, --profile and --set are for --data.',
    )
  }
  return connectAs(broker ?? defaultBroker, commandConfig)
}

/** Connects as `commandConfig`, a file, says; in the clear and nameless without one. @throws INVALID_ARGUMENT for such a file */
export async function connectAs(
  brokers: string,
  commandConfig: string | undefined,
  options: { readonly retryMs: number } = { retryMs },
): Promise<BrokerService> {
  const { RemoteBroker } = await import('../kafka/remote-broker.js')
  if (commandConfig === undefined) return RemoteBroker.connect(brokers, options)
  const [{ readClientProperties }, { nodeDisk }] = await Promise.all([
    import('./client-properties.js'),
    import('../files/node-disk.js'),
  ])
  const security = await readClientProperties(commandConfig, (path) => nodeDisk.readFile(path))
  return RemoteBroker.connect(brokers, { ...options, security })
}

/** `host:port`, the host in brackets where it holds colons. */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (match === null || port > 65_535) throw new InvalidArgumentError('It must be HOST:PORT, e.g. 127.0.0.1:9092.')
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}

/** A whole number of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value) || value < min) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`)
    }
    return value
  }
}
