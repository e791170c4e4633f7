/**
 * Hosts in network namespaces on one bridge, and what goes wrong between them: packets that are dropped, all or some of
 * them, in one direction or both, connections that are reset, and little bandwidth. The process that makes it stands at
 * the bridge, under the name `clients`. It has to be in a network and a mount namespace of its own, so that all of this
 * vanishes with it.
 */

import { runProgram } from '../support/tools.js'

export const hostNames = ['one', 'two', 'three'] as const
export type HostName = (typeof hostNames)[number]
/** Where the clients are, and who makes the network. */
export const clients = 'clients'
export type Place = HostName | typeof clients
export const places: readonly Place[] = [...hostNames, clients]

/** What clients and other nodes connect to. */
export const ports = { kafka: 9092, etcd: 2379, etcdPeers: 2380 } as const
/** Where the servers listen behind the proxy of their host. The first is also how they are watched: no fault is upon it. */
export const behindProxy = { kafka: 19_092, etcd: 12_379 } as const

const subnet = '10.77.0'
const addresses: Readonly<Record<Place, string>> = {
  one: `${subnet}.1`,
  two: `${subnet}.2`,
  three: `${subnet}.3`,
  clients: `${subnet}.254`,
}

export const addressOf = (place: Place): string => addresses[place]

/** Which connections are meant. */
export type Traffic = 'all' | 'kafka' | 'etcd'

const portsOf: Readonly<Record<Traffic, string>> = {
  all: '',
  kafka: `${ports.kafka}`,
  etcd: `{ ${ports.etcd}, ${ports.etcdPeers} }`,
}

/** What becomes of the packets that one place sends to another, where they arrive. */
export interface Rule {
  readonly from: Place
  readonly to: Place
  readonly traffic?: Traffic
  /** A share of the packets; all where absent. */
  readonly percent?: number
  /** Dropped where absent. */
  readonly reset?: boolean
}

export const bothWays = (one: Place, others: readonly Place[], rule: Partial<Rule> = {}): Rule[] =>
  others.flatMap((other) => [
    { ...rule, from: one, to: other },
    { ...rule, from: other, to: one },
  ])

export async function run(program: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, { input })
  if (code !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${code}: ${stderr}${input ?? ''}`)
  return stdout.toString()
}

/** What to put in front of a program that is to run at a place. */
export const at = (place: Place): readonly string[] => (place === clients ? [] : ['ip', 'netns', 'exec', place])

function expression({ from, traffic = 'all', percent = 100, reset = false }: Rule): string[] {
  const some = percent < 100 ? `numgen random mod 100 < ${percent} ` : ''
  const verdict = reset ? 'meta l4proto tcp reject with tcp reset' : 'drop'
  const sides = traffic === 'all' ? [''] : [`tcp dport ${portsOf[traffic]} `, `tcp sport ${portsOf[traffic]} `]
  return sides.map((side) => `ip saddr ${addressOf(from)} ${side}${some}${verdict}`)
}

/** The whole rule set of a place, which takes the place of the one before. */
export function ruleset(rules: readonly Rule[]): string {
  const lines = rules.flatMap(expression)
  const watched = `tcp dport ${behindProxy.kafka} accept\n tcp sport ${behindProxy.kafka} accept`
  const chain = `type filter hook input priority 0; policy accept;\n iif lo accept\n ${watched}\n ${lines.join('\n ')}`
  return `table inet chaos {}\ndelete table inet chaos\ntable inet chaos { chain in {\n ${chain}\n}\n}\n`
}

export class Network {
  readonly #imposed = new Set<Rule>()
  #turn: Promise<unknown> = Promise.resolve()

  static async make(): Promise<Network> {
    // Names of namespaces are files there; on the machine's own they would stay.
    await run('mount', ['-t', 'tmpfs', 'none', '/run'])
    await run('ip', ['link', 'set', 'lo', 'up'])
    await run('ip', ['link', 'add', 'bridge', 'type', 'bridge'])
    await run('ip', ['link', 'set', 'bridge', 'up'])
    await run('ip', ['addr', 'add', `${addressOf(clients)}/24`, 'dev', 'bridge'])
    for (const host of hostNames) {
      await run('ip', ['netns', 'add', host])
      await run('ip', ['link', 'add', port(host), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host])
      await run('ip', ['link', 'set', port(host), 'master', 'bridge', 'up'])
      await run('ip', ['-n', host, 'addr', 'add', `${addressOf(host)}/24`, 'dev', 'eth0'])
      for (const link of ['lo', 'eth0']) await run('ip', ['-n', host, 'link', 'set', link, 'up'])
    }
    return new Network()
  }

  /** Lets the rules hold until the returned call. */
  async impose(rules: readonly Rule[]): Promise<() => Promise<void>> {
    for (const rule of rules) this.#imposed.add(rule)
    await this.#apply(rules)
    return async () => {
      for (const rule of rules) this.#imposed.delete(rule)
      await this.#apply(rules)
    }
  }

  /** Of what a host sends and of what it gets, in bits per second, until the returned call. */
  async throttle(host: HostName, bitsPerSecond: number): Promise<() => Promise<void>> {
    const onEach = async (verb: 'add' | 'del', more: readonly string[]): Promise<void> => {
      await run('tc', ['-n', host, 'qdisc', verb, 'dev', 'eth0', 'root', ...more])
      await run('tc', ['qdisc', verb, 'dev', port(host), 'root', ...more])
    }
    await onEach('add', ['tbf', 'rate', `${bitsPerSecond}bit`, 'burst', '16kb', 'latency', '300ms'])
    return () => onEach('del', [])
  }

  /** One after the other, so that the last one is the one that holds. */
  #apply(changed: readonly Rule[]): Promise<void> {
    const done = this.#turn.then(async () => {
      for (const place of new Set(changed.map(({ to }) => to))) {
        const [program, ...args] = [...at(place), 'nft', '-f', '-']
        await run(program, args, ruleset([...this.#imposed].filter(({ to }) => to === place)))
      }
    })
    this.#turn = done.catch(() => {})
    return done
  }
}

const port = (host: HostName): string => `port-${host}`
