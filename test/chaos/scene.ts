/** Three hosts, each with a node, an etcd and the ways to them, with a small disk of its own for each of the two servers. */

import { mkdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { holdfast } from '../support/served-broker.js'
import { HostProcess } from './host-process.js'
import { addressOf, behindProxy, type HostName, hostNames, type Network, ports, run } from './network.js'
import type { SlowWayOrder, Way } from './slow-way.js'
import { buildSteppedClock, SteppedClock } from './stepped-clock.js'

export const leaseMs = 3000
/** Of etcd. */
export const electionMs = 500
const cluster = 'chaos'
const disks = { node: '768m', etcd: '256m' } as const

export interface Host {
  readonly name: HostName
  readonly nodeId: number
  readonly node: HostProcess
  readonly etcd: HostProcess
  readonly ways: HostProcess
  /** Undefined where none can be built. */
  readonly clock: SteppedClock | undefined
  /** The file system of each server. */
  readonly disks: Readonly<Record<'node' | 'etcd', string>>
  readonly dataDir: string
}

export interface Scene {
  readonly network: Network
  readonly hosts: readonly Host[]
  /** What clients need to know. */
  readonly bootstrap: string
}

export interface SceneOptions {
  /** For the disks and what the servers say. */
  readonly directory: string
  readonly network: Network
  /** Of the program of the ways. */
  readonly slowWayProgram: string
  readonly settings: Readonly<Record<string, string>>
}

const url = (host: HostName, port: number): string => `http://${addressOf(host)}:${port}`

export async function makeScene({ directory, network, slowWayProgram, settings }: SceneOptions): Promise<Scene> {
  const library = buildSteppedClock(directory)
  const hosts: Host[] = []
  for (const [index, name] of hostNames.entries()) {
    const places = { node: join(directory, `node-${name}`), etcd: join(directory, `etcd-${name}`) }
    for (const server of ['node', 'etcd'] as const) {
      mkdirSync(places[server], { recursive: true })
      await run('mount', ['-t', 'tmpfs', '-o', `size=${disks[server]}`, 'none', places[server]])
    }
    const clock = library === undefined ? undefined : new SteppedClock(library, join(directory, `clock-${name}`))
    const log = (what: string): string => join(directory, `${what}-${name}.log`)
    const dataDir = join(places.node, 'data')
    const nodeId = index + 1
    hosts.push({
      name,
      nodeId,
      clock,
      disks: places,
      dataDir,
      node: new HostProcess({
        place: name,
        command: nodeCommand(name, dataDir, { ...settings, 'node.id': String(nodeId) }),
        logFile: log('node'),
        env: clock?.env,
      }),
      etcd: new HostProcess({ place: name, command: etcdCommand(name, places.etcd), logFile: log('etcd') }),
      ways: new HostProcess({
        place: name,
        command: [process.execPath, slowWayProgram, JSON.stringify(waysOf(name))],
        logFile: log('ways'),
        isSpokenTo: true,
      }),
    })
  }
  const bootstrap = hostNames.map((name) => `${addressOf(name)}:${ports.kafka}`).join(',')
  return { network, hosts, bootstrap }
}

const waysOf = (host: HostName): Way[] =>
  (['kafka', 'etcd'] as const).map((server) => ({
    listen: { host: addressOf(host), port: ports[server] },
    to: { host: addressOf(host), port: behindProxy[server] },
  }))

function nodeCommand(host: HostName, dataDir: string, settings: Readonly<Record<string, string>>): string[] {
  const all: Readonly<Record<string, string>> = {
    'replication.mode': 'sync',
    'min.insync.replicas': '2',
    'replication.etcd': hostNames.map((name) => url(name, ports.etcd)).join(','),
    'replication.cluster': cluster,
    'replication.lease.ms': String(leaseMs),
    'replica.lag.time.max.ms': '2000',
    // Small, so that they roll.
    'log.segment.bytes': String(1 << 20),
    'log.flush.offset.checkpoint.interval.ms': '500',
    // A disk that is full may cost the node its place, but no message.
    'disk.watermark.delete.ratio': '100',
    ...settings,
  }
  const address = addressOf(host)
  return [
    ...[process.execPath, '--enable-source-maps', holdfast, 'serve', '--data', dataDir, '--log-level', 'info'],
    ...['--listen', `${address}:${behindProxy.kafka}`, '--advertise', `${address}:${ports.kafka}`],
    ...Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ]
}

function etcdCommand(host: HostName, directory: string): string[] {
  const peers = hostNames.map((name) => `${name}=${url(name, ports.etcdPeers)}`).join(',')
  return [
    ...['etcd', '--name', host, '--data-dir', join(directory, 'data'), '--log-level', 'warn'],
    ...['--listen-client-urls', url(host, behindProxy.etcd), '--advertise-client-urls', url(host, ports.etcd)],
    ...['--listen-peer-urls', url(host, ports.etcdPeers), '--initial-advertise-peer-urls', url(host, ports.etcdPeers)],
    // Without it a member that was cut off takes the lead of etcd from the one that has it when it comes back.
    '--pre-vote',
    ...['--initial-cluster', peers, '--initial-cluster-state', 'new', '--initial-cluster-token', cluster],
    ...[
      '--heartbeat-interval',
      '50',
      '--election-timeout',
      String(electionMs),
      '--logger',
      'zap',
      '--log-outputs',
      'stderr',
    ],
  ]
}

export const orderWays = (host: Host, order: SlowWayOrder): void => host.ways.send(order)

export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** The ways first; nobody misses what starts later. */
export function startAll({ hosts }: Scene): void {
  for (const { ways, etcd } of hosts) {
    ways.start()
    etcd.start()
  }
  for (const { node } of hosts) node.start()
}

export async function endAll({ hosts }: Scene): Promise<void> {
  for (const { node, etcd, ways } of hosts)
    for (const one of [node, etcd, ways]) {
      one.resume()
      await one.end('SIGKILL')
    }
}
