/** What an operator does beside the load: topics come and go, the folder is backed up, the doctor looks at it. */

import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from '../../../src/client/queue.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import { holdfast } from '../../support/served-broker.js'
import { runProgram } from '../../support/tools.js'
import type { Ledger } from './ledger.js'

export interface Served {
  readonly address: string
  readonly httpUrl: string
  readonly dataDir: string
  readonly backupDir: string
}

export class Chores {
  readonly failures: unknown[] = []
  topics = 0
  backups = 0
  checkups = 0
  readonly #served: Served
  readonly #ledger: Ledger
  readonly #everyMs: number
  readonly #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(served: Served, ledger: Ledger, everyMs: number) {
    this.#served = served
    this.#ledger = ledger
    this.#everyMs = everyMs
  }

  start(): void {
    this.#running = Promise.all([
      this.#again(5000, () => this.#checkLedger()),
      this.#again(3000, () => this.#topicComesAndGoes()),
      this.#again(this.#everyMs, () => this.#backUp()),
      this.#again(this.#everyMs, () => this.#seeDoctor()),
    ])
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #again(everyMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await pause(everyMs, undefined, { signal }).catch(() => {})
      if (!signal.aborted)
        await work().catch((error: unknown) => this.failures.push(new Error('A chore failed.', { cause: error })))
    }
  }

  async #checkLedger(): Promise<void> {
    const service = await RemoteBroker.connect(this.#served.address)
    try {
      await this.#ledger.check(service)
    } finally {
      await service.close()
    }
  }

  async #topicComesAndGoes(): Promise<void> {
    const service = await RemoteBroker.connect(this.#served.address)
    const queue = new Queue(service)
    const layout = this.topics % 2 === 0 ? 'segments' : 'commitlog'
    const name = `passing-${this.topics % 4}`
    await queue.topics.create(name, { partitions: 2, config: { 'storage.layout': layout } })
    await queue.sendMany(
      name,
      Array.from({ length: 20 }, (_, at) => ({ value: `passing ${at}` })),
    )
    await queue.topics.delete(name)
    this.topics++
    await queue.close()
    await service.close()
  }

  async #backUp(): Promise<void> {
    const { dataDir, backupDir } = this.#served
    await this.#command('backup', backupDir, '--data', dataDir, '--keep', '2')
    this.backups++
  }

  /** 1 says that something should be seen to, as a slow disk, which is no fault here. */
  async #seeDoctor(): Promise<void> {
    const { address, httpUrl } = this.#served
    await this.#command('doctor', '--broker', address, '--http', httpUrl)
    this.checkups++
  }

  async #command(...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await runProgram(process.execPath, [holdfast, ...args], { timeoutMs: 120_000 })
    const isFine = code === 0 || (args[0] === 'doctor' && code === 1)
    if (!isFine) throw new Error(`holdfast ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
  }
}
