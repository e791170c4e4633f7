/** The checker catches one history for each of its rules, and lets every legal one pass. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { check, report } from './checker.js'
import type { Assignment, Delivery, History, OffsetCommit, Operation, Send, StoredRecord } from './history.js'

const send = (payload: string, begin: number, offset?: number, more: Partial<Send> = {}): Send => ({
  op: 'send',
  begin,
  end: offset === undefined ? Number.POSITIVE_INFINITY : begin + 1,
  producer: 'p',
  kind: 'idempotent',
  sequence: begin,
  partition: 0,
  payload,
  outcome: offset === undefined ? 'unknown' : { offset },
  ...more,
})
const stored = (...payloads: (string | undefined)[]): StoredRecord[] =>
  payloads.map((payload, offset) => ({ offset, payload, committed: true }))
const deliver = (payload: string, offset: number, more: Partial<Delivery> = {}): Delivery => ({
  op: 'deliver',
  at: 100 + offset,
  group: 'g',
  session: 's',
  isolation: 'read_committed',
  partition: 0,
  offset,
  payload,
  ...more,
})
const commit = (offset: number, begin: number, more: Partial<OffsetCommit> = {}): OffsetCommit => ({
  op: 'commit',
  begin,
  end: begin + 1,
  group: 'g',
  partition: 0,
  offset,
  outcome: 'acked',
  ...more,
})
const assign = (member: string, at: number): Assignment => ({
  op: 'assign',
  at,
  group: 'g',
  generation: 1,
  member,
  session: member,
  partitions: [0],
})
const fetch = (offset: number | undefined, begin: number): Operation => ({
  op: 'fetch',
  begin,
  end: begin + 1,
  group: 'g',
  partition: 0,
  offset,
})
const of = (operations: Operation[], records: StoredRecord[], drained: string[] = []): History => ({
  operations,
  final: [{ start: 0, records }],
  drained,
})
const two = [send('a', 1, 0), send('b', 3, 1)]
const inTransaction = { kind: 'transactional', transaction: 't' } as const
const half = [send('a', 1, 0, inTransaction), send('b', 3, 1, inTransaction)]
const aborted = (records: StoredRecord[], ...offsets: number[]) =>
  records.map((one) => ({ ...one, committed: !offsets.includes(one.offset) }))

const violating: Record<string, History> = {
  'offsets-follow': of(two.slice(0, 1), [...stored('a'), { offset: 2, payload: undefined, committed: true }]),
  'acknowledged-lost': of(two, stored('a')),
  invented: of(two, stored('a', 'b', 'c')),
  'refused-stored': of([send('a', 1, undefined, { outcome: 'refused' })], stored('a')),
  duplicate: of(two, stored('a', 'b', 'b')),
  'order-of-time': of([send('a', 1, 1, { producer: 'x' }), send('b', 3, 0, { producer: 'y' })], stored('b', 'a')),
  'order-of-producer': of([send('a', 1), send('b', 2)], stored('b', 'a')),
  'transaction-whole': of([...half, { op: 'end', transaction: 't', outcome: 'unknown' }], aborted(stored('a', 'b'), 1)),
  'read-then-lost': of([send('a', 1), deliver('a', 0)], []),
  'read-aborted': of([...half, deliver('a', 0)], aborted(stored('a', 'b'), 0, 1)),
  'session-goes-back': of([...two, deliver('b', 1), deliver('a', 0)], stored('a', 'b')),
  'two-owners': of([assign('x', 1), assign('y', 2)], []),
  'committed-goes-back': of([commit(1, 1), commit(2, 3), { op: 'kill', at: 5 }, fetch(1, 6)], []),
  'resumes-before-committed': of(
    [...two, commit(1, 5), assign('x', 8), deliver('a', 0, { session: 'x' })],
    stored('a', 'b'),
  ),
  'never-delivered': of([...two, deliver('a', 0)], stored('a', 'b'), ['g']),
}

for (const [rule, history] of Object.entries(violating)) {
  test(`${rule} is caught, and nothing else is claimed`, () => {
    const violations = check(history)
    assert.deepEqual([...new Set(violations.map((one) => one.rule))], [rule])
    assert.match(report(violations, 7, 'history.json'), new RegExp(`seed 7, history in history.json\n${rule}: `))
  })
}

test('a committed transaction with a hidden message, and an aborted one with a visible message, are caught', () => {
  const ended = (outcome: 'committed' | 'aborted', records: StoredRecord[]) =>
    check(of([...half, { op: 'end', transaction: 't', outcome }], records)).map(({ rule }) => rule)
  assert.deepEqual(ended('committed', aborted(stored('a', 'b'), 0, 1)), ['transaction-whole'])
  assert.deepEqual(ended('aborted', stored('a', 'b')), ['transaction-whole'])
  assert.deepEqual(ended('committed', stored('a', 'b')), [])
  assert.deepEqual(ended('aborted', aborted(stored('a', 'b'), 0, 1)), [])
})

test('a commit that lost its answer may hold until the next acknowledged one, and a forgotten one is caught', () => {
  const lost = commit(2, 3, { outcome: 'unknown', end: Number.POSITIVE_INFINITY })
  const kill: Operation = { op: 'kill', at: 5 }
  const fetched = (offset: number | undefined) => check(of([commit(1, 1), lost, kill, fetch(offset, 6)], [])).length
  assert.deepEqual([1, 2, 3, undefined].map(fetched), [0, 0, 1, 1])
  assert.equal(check(of([commit(1, 1), lost, kill, commit(3, 6), fetch(2, 8)], [])).length, 1)
})

/** A legal life: sends that overlap, some without an answer, transactions, a group that resumes and re-reads. */
function legal(choices: readonly { answered: boolean; stored: boolean; kind: number; restart: boolean }[]): History {
  const operations: Operation[] = []
  const records: StoredRecord[] = []
  let stamp = 0
  let session = 0
  let committed = 0
  for (const [i, choice] of choices.entries()) {
    const payload = `m${i}`
    const transaction = choice.kind === 2 ? `t${i}` : undefined
    const arrives = choice.answered || choice.stored
    const begin = ++stamp
    const more = {
      producer: `p${choice.kind}`,
      transaction,
      kind: (['plain', 'idempotent', 'transactional'] as const)[choice.kind],
    }
    operations.push({ ...send(payload, begin, choice.answered ? records.length : undefined, more), sequence: i })
    stamp++
    const shown = transaction === undefined || choice.stored
    if (transaction !== undefined) {
      operations.push({ op: 'end', transaction, outcome: choice.stored ? 'committed' : 'aborted' })
    }
    if (arrives) {
      records.push({ offset: records.length, payload, committed: shown })
      if (transaction !== undefined) records.push({ offset: records.length, payload: undefined, committed: true })
    }
    if (choice.restart || i === choices.length - 1) {
      operations.push({ op: 'kill', at: ++stamp }, fetch(committed === 0 ? undefined : committed, ++stamp))
      stamp++
      operations.push({ ...assign(`s${session}`, ++stamp), generation: session })
      for (const { offset, payload: value, committed: visible } of records.slice(committed)) {
        if (value !== undefined && visible) {
          operations.push(deliver(value, offset, { session: `s${session}`, at: ++stamp }))
        }
      }
      session++
      if (choice.answered && records.length > 0) {
        committed = records.length
        operations.push(commit(committed, ++stamp))
        stamp++
      }
    }
  }
  return of(operations, records, ['g'])
}

test('legal histories pass', () => {
  const choice = fc.record({
    answered: fc.boolean(),
    stored: fc.boolean(),
    kind: fc.integer({ min: 0, max: 2 }),
    restart: fc.boolean(),
  })
  fc.assert(fc.property(fc.array(choice, { maxLength: 40 }), (choices) => assert.deepEqual(check(legal(choices)), [])))
})
