/** The console beside a served broker: what `serve --http` adds. Nothing of it is loaded, or counted, without that. */

import type { Command } from 'commander'
import { Option } from 'commander'
import type { Broker } from '../broker/broker.js'
import type { Advice } from '../console/api-types.js'
import type { ConsoleServer } from '../console/server.js'
import { systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { MetricsRegistry } from '../core/metrics/registry.js'
import type { Disk } from '../files/disk.js'
import type { Sampler } from '../monitoring/sampler.js'
import { collectTexts } from './settings-options.js'
import { parseAddress } from './target.js'

export interface HttpOptions {
  readonly http?: { host: string; port: number }
  readonly httpToken?: string
  readonly httpTlsCert?: string
  readonly httpTlsKey?: string
  readonly httpAllowHost?: readonly string[]
}

/** Adds `--http` and what belongs to it. */
export function withHttp(command: Command): Command {
  return command
    .option('--http <host:port>', 'serve console, metrics and health there; port 0 takes a free one', parseAddress)
    .addOption(
      new Option('--http-token <token>', 'demand this of everybody, 16 characters at least').env('HOLDFAST_HTTP_TOKEN'),
    )
    .option('--http-tls-cert <file>', 'serve them over TLS with this certificate (PEM)')
    .option('--http-tls-key <file>', "the certificate's key (PEM)")
    .option(
      '--http-allow-host <name>',
      'a name by which browsers may ask, beside addresses; may be repeated',
      collectTexts,
    )
}

export interface ServedHttp {
  /** `host:port` */
  readonly address: string
  readonly url: string
  /** What watches the figures. */
  readonly monitor: { readonly advice: readonly Advice[] }
  close(): Promise<void>
}

/** What counts from the opening on, and serves once the broker is there. */
export interface HttpToCome {
  readonly metrics: MetricsRegistry
  begin(broker: Broker, kafkaAddress: string): Promise<ServedHttp>
}

interface Tools {
  readonly dataPath: string
  readonly disk: Disk
  readonly logger: Logger
}

/**
 * Loads what is needed and checks what can be checked before anything is opened; undefined without `--http`.
 * @throws INVALID_ARGUMENT
 */
export async function prepareHttp(options: HttpOptions, tools: Tools): Promise<HttpToCome | undefined> {
  const { http, httpToken: token, httpAllowHost: hosts } = options
  if (http === undefined) {
    refuseAlone(options)
    return undefined
  }
  const [{ checkAccess, ConsoleServer }, { MetricsRegistry }, { Sampler }, { watchBroker }] = await Promise.all([
    import('../console/server.js'),
    import('../core/metrics/registry.js'),
    import('../monitoring/sampler.js'),
    import('../monitoring/watching.js'),
  ])
  checkAccess({ ...http, token })
  const tls = await tlsOf(options, tools.disk)
  const metrics = new MetricsRegistry()
  const begin = async (broker: Broker, kafkaAddress: string): Promise<ServedHttp> => {
    const watching = { metrics, clock: systemClock, ...tools }
    const monitor = new Sampler(await watchBroker(broker, watching), watching)
    const serving = { ...http, token, tls, hosts, kafkaAddress, monitor, metrics, logger: tools.logger }
    const server = await ConsoleServer.listen(broker, serving)
    monitor.start()
    return servedBy(server, monitor)
  }
  return { metrics, begin }
}

function servedBy(server: ConsoleServer, monitor: Sampler): ServedHttp {
  const { host, port, url } = server
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    url,
    monitor,
    close: async () => {
      await server.close()
      await monitor.close()
    },
  }
}

function refuseAlone(options: HttpOptions): void {
  const { httpTlsCert, httpTlsKey, httpAllowHost } = options
  if (httpTlsCert === undefined && httpTlsKey === undefined && httpAllowHost === undefined) return
  throw new HoldfastError('INVALID_ARGUMENT', 'The options --http-… are for --http HOST:PORT, which is missing.')
}

async function tlsOf({ httpTlsCert, httpTlsKey }: HttpOptions, disk: Disk) {
  if (httpTlsCert === undefined && httpTlsKey === undefined) return undefined
  if (httpTlsCert === undefined || httpTlsKey === undefined) {
    throw new HoldfastError('INVALID_ARGUMENT', 'TLS takes both, --http-tls-cert and --http-tls-key.')
  }
  const [cert, key] = await Promise.all([httpTlsCert, httpTlsKey].map((path) => disk.readFile(path)))
  if (cert === undefined) throw new HoldfastError('INVALID_ARGUMENT', `There is no file ${httpTlsCert}.`)
  if (key === undefined) throw new HoldfastError('INVALID_ARGUMENT', `There is no file ${httpTlsKey}.`)
  return { cert, key }
}
