/** Opens the queue in a folder of this machine, with the broker inside this process. */

import { Broker } from '../broker/broker.js'
import { MetricsRegistry, type PrometheusRegistry } from '../core/metrics/registry.js'
import { codeOrigin, givenSettings, type Settings, type SettingsInput } from '../core/settings.js'
import { gatherSettings } from '../core/settings-sources.js'
import { nodeDisk } from '../files/node-disk.js'
import { checkOptions, refuse } from './arguments.js'
import { agreeing, type Flush, withFlush } from './flush-option.js'
import { shown } from './message.js'
import { type ClientOptions, clientOptionNames, Queue } from './queue.js'

/** What can be said to a folder. */
export interface FolderOptions extends ClientOptions {
  /** By Kafka's names where Kafka has the thing, for example `{ 'flush.disk.type': 'ASYNC_FLUSH' }`; over all else. */
  readonly settings?: SettingsInput
  /** Short for the setting `flush.disk.type`: when a message counts as sent. */
  readonly flush?: Flush
  /** A ready-made set of settings, under all that are given by name. */
  readonly profile?: Settings['profile']
  /** A `.properties` or `.json` file with settings; the environment variable HOLDFAST_CONFIG may name one instead. */
  readonly config?: string
  /**
   * Counts what goes on, for {@link Queue.metrics}: true, or a registry of prom-client in which the metrics appear beside
   * what else is in it, until the queue is closed. Nothing is counted where absent.
   */
  readonly metrics?: boolean | PrometheusRegistry
  /** Gives up opening. Once the queue is open it has no effect. */
  readonly signal?: AbortSignal
}

export const folderOptionNames = ['settings', 'flush', 'profile', 'config', 'metrics']

/** Opens the queue in the folder at `path`, creating it where it is missing. */
export async function openFolder(path: string, options: FolderOptions): Promise<Queue> {
  checkOptions('open', options, [...folderOptionNames, 'signal', ...clientOptionNames])
  const { settings: given, flush, profile, config, metrics: counted, signal, ...clientOptions } = options
  signal?.throwIfAborted()
  const settings = await settingsOf(options)
  const metrics = registryOf(counted)
  let broker: Broker | undefined
  try {
    broker = await Broker.open(path, { settings, logger: options.logger, metrics })
    signal?.throwIfAborted()
    return new Queue(broker, { ...clientOptions, metrics })
  } catch (error) {
    await broker?.close()
    metrics?.close()
    throw error
  }
}

function registryOf(metrics: FolderOptions['metrics']): MetricsRegistry | undefined {
  if (metrics === undefined || metrics === false) return undefined
  if (metrics === true) return new MetricsRegistry()
  if (typeof metrics !== 'object' || typeof metrics?.registerMetric !== 'function') {
    return refuse(`open: metrics is ${shown(metrics)}; it must be true, false, or a registry of prom-client.`)
  }
  return new MetricsRegistry(metrics)
}

function settingsOf({ settings = {}, flush, profile, config }: FolderOptions): Promise<Settings> {
  if (typeof settings !== 'object' || settings === null) {
    return refuse(`open: settings is ${shown(settings)}; it must be an object.`)
  }
  if (config !== undefined && typeof config !== 'string') {
    return refuse(`open: config is ${shown(config)}; it must be the path of a settings file.`)
  }
  const given = {
    ...withFlush('open', flush, settings),
    ...(profile === undefined ? {} : agreeing('open', 'profile', profile, settings, `profile: '${profile}'`)),
  }
  return gatherSettings({
    config,
    environment: process.env,
    given: givenSettings(given, codeOrigin),
    readFile: (path) => nodeDisk.readFile(path),
  })
}
