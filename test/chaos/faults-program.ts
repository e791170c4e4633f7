/**
 * Tries each fault out, in a world of its own, on servers that give back what they get: tells as JSON which of the things
 * that a fault should do could be seen, while it lasted and afterwards. The program of the ways and a
 * directory are its arguments.
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../support/until.js'
import { within } from './asking.js'
import { faults } from './faults.js'
import { HostProcess } from './host-process.js'
import { addressOf, behindProxy, hostNames, Network, ports, run } from './network.js'
import type { FaultKind } from './plan.js'
import type { Host, Scene } from './scene.js'

const echo = (host: string, port: number): string[] => [
  ...[process.execPath, '-e'],
  `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(${port}, '${host}')`,
]
const [slowWayProgram, directory] = process.argv.slice(2)
await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', directory])

function makeHost(name: (typeof hostNames)[number], index: number): Host {
  const host = addressOf(name)
  const logFile = join(directory, name)
  const disks = { node: join(directory, `${name}-node`), etcd: join(directory, `${name}-etcd`) }
  for (const disk of Object.values(disks)) mkdirSync(disk)
  const ways = (['kafka', 'etcd'] as const).map((server) => ({
    listen: { host, port: ports[server] },
    to: { host, port: behindProxy[server] },
  }))
  const command = [process.execPath, slowWayProgram, JSON.stringify(ways)]
  return {
    name,
    nodeId: index + 1,
    clock: undefined,
    disks,
    dataDir: disks.node,
    node: new HostProcess({ place: name, command: echo(host, behindProxy.kafka), logFile }),
    etcd: new HostProcess({ place: name, command: echo(host, behindProxy.etcd), logFile }),
    ways: new HostProcess({ place: name, command, logFile, isSpokenTo: true }),
  }
}

const network = await Network.make()
const hosts = hostNames.map(makeHost)
const scene: Scene = { network, hosts, bootstrap: '' }
const [one] = hosts
for (const { ways, node, etcd } of hosts) for (const each of [ways, node, etcd]) each.start()

async function connected(port: number): Promise<Socket> {
  const socket = connect({ host: addressOf('one'), port, noDelay: true })
  const opened = new Promise<Socket>((resolve, reject) => {
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
  // What comes of it later is of no interest where nobody asks.
  socket.on('error', () => {})
  return opened
}

/** How long it takes to get `bytes` bytes back; undefined where they do not come in time, or the connection breaks. */
async function echoMs(port: number, bytes: number, limitMs: number): Promise<number | undefined> {
  const started = performance.now()
  let socket: Socket | undefined
  try {
    const work = connected(port).then((open) => {
      socket = open
      let got = 0
      open.write(Buffer.alloc(bytes))
      return new Promise<void>((resolve, reject) => {
        open.on('data', (chunk: Buffer) => {
          got += chunk.length
          if (got >= bytes) resolve()
        })
        open.on('close', () => reject(new Error('broken')))
      })
    })
    await within(limitMs, work)
    return performance.now() - started
  } catch {
    return undefined
  } finally {
    socket?.destroy()
  }
}

const answers = async (port: number): Promise<boolean> => (await echoMs(port, 10, 500)) !== undefined

/** What can be seen of each while it lasts; all of it is false without a fault. */
const signs: Partial<Record<FaultKind, () => Promise<boolean>>> = {
  kill: async () => !(await answers(ports.kafka)) && answers(ports.etcd),
  'kill-host': async () => !(await answers(ports.kafka)) && !(await answers(ports.etcd)),
  pause: async () => !(await answers(ports.kafka)) && answers(ports.etcd),
  cut: async () => !(await answers(ports.kafka)) && !(await answers(ports.etcd)),
  // Clients still reach it.
  'cut-from-hosts': async () => (await answers(ports.kafka)) && !(await reachesFromTwo()),
  deaf: async () => !(await answers(ports.kafka)) && !(await reachesFromTwo()),
  mute: async () => !(await answers(ports.kafka)) && !(await reachesFromTwo()),
  resets: async () => {
    for (let i = 0; i < 50; i++) if ((await echoMs(ports.kafka, 100_000, 2000)) === undefined) return true
    return false
  },
  // A packet that is lost is sent again after 200 ms at the least.
  loss: async () => {
    for (let i = 0; i < 20; i++) if (((await echoMs(ports.kafka, 10, 5000)) ?? 5000) >= 200) return true
    return false
  },
  narrow: async () => ((await echoMs(ports.kafka, 200_000, 3000)) ?? 3000) >= 1000,
  late: async () => ((await echoMs(ports.kafka, 100_000, 5000)) ?? 5000) >= 100,
  'full-disk': async () => {
    const file = join(one.disks.node, 'file')
    try {
      writeFileSync(file, Buffer.alloc(8192))
      return false
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOSPC'
    } finally {
      rmSync(file, { force: true })
    }
  },
}

async function reachesFromTwo(): Promise<boolean> {
  const script = `const s = require('node:net').connect(${ports.kafka}, '${addressOf('one')}', () => process.exit(0)); s.on('error', () => process.exit(1)); setTimeout(() => process.exit(1), 600)`
  const reached = await run('ip', ['netns', 'exec', 'two', process.execPath, '-e', script]).catch(() => undefined)
  return reached !== undefined
}

await until('the servers answer', async () => (await answers(ports.kafka)) && (await answers(ports.etcd)))
const told: Record<string, { before: boolean; while: boolean; after: boolean }> = {}
for (const [kind, sign] of Object.entries(signs)) {
  const before = await sign()
  // The least that the dice can give is too little to be seen for sure.
  const dice = { next: () => 1, between: (from: number, to: number) => (kind === 'narrow' ? from : to) }
  const begin = faults[kind as FaultKind]
  const end = await begin({ scene, victim: { host: one, server: 'node' }, dice, tell: () => {} })
  await pause(50)
  const meanwhile = await sign()
  await end()
  await until(
    `the servers answer after ${kind}`,
    async () => (await answers(ports.kafka)) && (await answers(ports.etcd)),
  )
  told[kind] = { before, while: meanwhile, after: await sign() }
}
process.stdout.write(JSON.stringify(told), () => process.exit())
