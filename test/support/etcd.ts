/** Real etcd on loopback, one process or several, in a temporary directory: to be stopped, killed and started again by pid. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { freePorts } from './free-ports.js'
import { until } from './until.js'

/** For the `skip` option of a test: false, or why it is skipped. */
export function withoutEtcd(): string | false {
  if (spawnSync('etcd', ['--version'], { stdio: 'ignore' }).error === undefined) return false
  const line = 'SKIPPED: etcd is not installed; .ci/run installs it (Debian: etcd-server).'
  console.error(`\n!!! ${line}\n`)
  return line
}

export class EtcdNode {
  readonly url: string
  /** For TLS, where it listens for it. */
  readonly secureUrl: string
  readonly #args: readonly string[]
  readonly #data: string
  readonly #log: string
  #child: ChildProcess | undefined

  constructor(url: string, args: readonly string[], path: string, secureUrl = '') {
    this.url = url
    this.secureUrl = secureUrl
    this.#args = args
    this.#data = path
    this.#log = `${path}.log`
  }

  start(): void {
    const log = openSync(this.#log, 'a')
    // It goes with this process, however that ends.
    const [program, ...before] = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', 'etcd'] : ['etcd']
    this.#child = spawn(program, [...before, ...this.#args, '--data-dir', this.#data], { stdio: ['ignore', log, log] })
    closeSync(log)
    process.once('exit', () => this.#child?.kill('SIGKILL'))
  }

  /** SIGSTOP: it says nothing any more, and its connections stay. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** It has lost everything. */
  async wipe(): Promise<void> {
    await rm(this.#data, { recursive: true })
  }

  /** Asks it without any of the program's own code. */
  async ask(path: string, body: object): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    })
    return (await answer.json()) as Record<string, unknown>
  }

  async put(key: string, value: string): Promise<void> {
    await this.ask('/v3/kv/put', { key: base64(key), value: base64(value) })
  }

  async remove(key: string): Promise<void> {
    await this.ask('/v3/kv/deleterange', { key: base64(key) })
  }

  /** Keys below a folder, with their values. */
  async entries(folder: string): Promise<Record<string, string>> {
    const range = { key: base64(`${folder}/`), range_end: base64(`${folder}0`) }
    const { kvs = [] } = (await this.ask('/v3/kv/range', range)) as { kvs?: { key: string; value: string }[] }
    return Object.fromEntries(kvs.map(({ key, value }) => [text(key), text(value)]))
  }

  /** How often a key was changed since it is there. */
  async changesOf(key: string): Promise<number> {
    const { kvs = [] } = (await this.ask('/v3/kv/range', { key: base64(key) })) as { kvs?: { version: string }[] }
    return Number(kvs[0]?.version ?? 0)
  }

  /** It leads the others of its etcd. */
  async leadsEtcd(): Promise<boolean> {
    const { leader, header } = (await this.ask('/v3/maintenance/status', {})) as {
      leader?: string
      header: { member_id: string }
    }
    return leader === header.member_id
  }

  async isReady(): Promise<boolean> {
    try {
      return (await this.ask('/v3/kv/range', { key: base64('ready') }))['header'] !== undefined
    } catch {
      return false
    }
  }
}

export interface EtcdOptions {
  /** More of its command line. */
  readonly args?: readonly string[]
  /** It listens for TLS too, with the certificates that `args` name. */
  readonly isSecure?: boolean
}

export class Etcd {
  readonly nodes: readonly EtcdNode[]
  readonly #directory: TemporaryDirectory

  private constructor(nodes: readonly EtcdNode[], directory: TemporaryDirectory) {
    this.nodes = nodes
    this.#directory = directory
  }

  /** Several elect one another fast, so that the loss of one is over within a lease of a few seconds. */
  static async start(count = 1, { args: more = [], isSecure = false }: EtcdOptions = {}): Promise<Etcd> {
    const directory = await makeTemporaryDirectory('holdfast-etcd-')
    const ports = await freePorts(3 * count)
    const urls = ports.map((port) => `http://127.0.0.1:${port}`)
    const peers = Array.from({ length: count }, (_, index) => `n${index}=${urls[count + index]}`).join(',')
    const nodes = urls.slice(0, count).map((url, index) => {
      const peer = urls[count + index]
      const secure = `https://127.0.0.1:${ports[2 * count + index]}`
      const clients = isSecure ? `${url},${secure}` : url
      const args = [
        '--name',
        `n${index}`,
        ...['--listen-client-urls', clients, '--advertise-client-urls', clients],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', peers],
        ...['--heartbeat-interval', '50', '--election-timeout', '500'],
        ...more,
      ]
      return new EtcdNode(url, args, join(directory.path, `n${index}`), isSecure ? secure : undefined)
    })
    const etcd = new Etcd(nodes, directory)
    for (const node of nodes) node.start()
    await etcd.ready()
    return etcd
  }

  get urls(): string[] {
    return this.nodes.map(({ url }) => url)
  }

  async ready(): Promise<void> {
    for (const node of this.nodes) await until(`etcd answers at ${node.url}`, () => node.isReady())
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.kill()
    await this.#directory.remove()
  }
}

function base64(plain: string): string {
  return Buffer.from(plain).toString('base64')
}

function text(encoded: string): string {
  return Buffer.from(encoded, 'base64').toString()
}
