/** One life of a queue, from its opening to its end, in which a system call fails. */

import type { BrokerService } from '../../src/broker/contract.js'
import type { Queue } from '../../src/client/queue.js'
import type { History } from '../power/history.js'
import { Notes } from '../power/notes.js'
import { Answers } from './answers.js'
import { type Life, live, look, prepare, send } from './life.js'
import type { Fault, FaultPage, Fired, Seen } from './shim.js'

export interface Lived {
  readonly history: History
  readonly refused: readonly number[]
  readonly complaints: readonly string[]
  readonly codes: Readonly<Record<string, number>>
  readonly fired: Fired
  readonly seen: Seen
}

export interface OpenQueue {
  readonly service: BrokerService
  readonly queue: Queue
}

export interface LifeOptions {
  readonly page: FaultPage
  /** None: the calls are counted alone. */
  readonly fault?: Fault
  /** The first life of a store. */
  readonly isFirst?: boolean
  readonly history: History
  readonly open: () => Promise<OpenQueue>
  /** Ends it; the calls of a close in order may be those that fail. */
  readonly close?: (open: OpenQueue) => Promise<void>
}

/** Of these the log comes back by itself once they are over, but not where a sync said so, which is never believed again. */
const passing: ReadonlySet<unknown> = new Set(['ENOSPC', 'EMFILE'])
const syncs: ReadonlySet<unknown> = new Set(['sync', 'msync'])
const healingMs = 15_000
/** What readers are told of a compaction that could not give all of its files their names: it waits for the next start. */
const halfRenamed = 'files of it were being renamed'

export async function liveOnce({ page, fault, isFirst, history, open, close }: LifeOptions): Promise<Lived> {
  const answers = new Answers()
  const notes = new Notes(history, () => 0)
  const refused = new Set<number>()
  page.arm(fault)
  let opened = await answers.of('opening', open)
  if (opened === undefined) {
    // Whatever it was, it is over: nothing may be left of the first try that keeps a second one out.
    page.disarm()
    opened = await answers.of('opening again', open)
    if (opened === undefined) answers.complaints.push('it does not open again')
  }
  if (opened !== undefined) {
    const life: Life = { ...opened, notes, answers, refused }
    await (isFirst ? prepare(life) : live(life))
    if (fault?.times === 0) page.disarm()
    // A fault that has not come by now meets the closing.
    if (fault !== undefined && page.fired().times > 0) await lookAfterwards(life, fault)
    const ended = opened
    if (close !== undefined) await answers.of('closing', () => close(ended))
  }
  const fired = page.fired()
  const seen = page.seen()
  page.disarm()
  const { complaints, codes } = answers
  return { history, refused: [...refused], complaints, codes, fired, seen }
}

async function lookAfterwards(life: Life, fault: Fault): Promise<void> {
  // What passes does so within a while, and the log with it.
  const patienceMs = passing.has(fault.error) && !syncs.has(fault.call) ? healingMs : 0
  const isHalfRenamed = () => fault.call === 'rename' && life.answers.last.includes(halfRenamed)
  const readable = async () => (await look(life)) || (patienceMs === 0 && isHalfRenamed())
  await eventually(life, patienceMs, readable, 'what was acknowledged cannot be read')
  for (const topic of ['plain', 'ledger', 'compacted']) {
    const taken = () => send(life, topic, { key: 'key-0' })
    if (patienceMs === 0) await taken()
    else await eventually(life, patienceMs, taken, `${topic} takes no messages`)
  }
}

async function eventually({ answers }: Life, withinMs: number, what: () => Promise<boolean>, otherwise: string) {
  const end = performance.now() + withinMs
  while (!(await what())) {
    if (performance.now() >= end) {
      answers.complaints.push(`the disk is well again for ${withinMs} ms, and ${otherwise}: ${answers.last}`)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
