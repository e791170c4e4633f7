/** What the chaos run looks for beyond a history's own rules: each is caught in what breaks it, and nothing in what does not. */

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { buildBatch } from '../../src/records/builder.js'
import { check } from '../history/checker.js'
import type { Delivery, Send } from '../history/history.js'
import { checkEnds, type SeenEnd } from './check-ends.js'
import { checkNodes, type NodeLogs, readLogs } from './check-nodes.js'
import { failovers, type Happened } from './failovers.js'
import { ruleset } from './network.js'
import { checkTopics, type MadeTopic } from './topic-maker.js'

const seen = (node: string, offset: number, begin: number): SeenEnd => ({
  node,
  offset,
  begin,
  end: begin + 1,
  partition: 0,
})
const sent = (payload: string, offset: number, begin: number): Send => ({
  op: 'send',
  begin,
  end: begin + 1,
  producer: payload,
  kind: 'plain',
  sequence: 0,
  partition: 0,
  payload,
  outcome: { offset },
})
const stored = (...payloads: string[]) => [
  { start: 0, records: payloads.map((payload, offset) => ({ offset, payload, committed: true })) },
]

test('an end that is older than one that another node told before is caught, one that was asked for meanwhile is not', () => {
  const rules = (ends: SeenEnd[], sends: Send[] = []) => checkEnds(ends, sends).map(({ rule }) => rule)
  assert.deepEqual(rules([seen('one', 5, 1), seen('two', 4, 3)]), ['end-goes-back'])
  assert.deepEqual(rules([seen('one', 5, 1), { ...seen('two', 4, 0), end: 9 }]), [])
  assert.deepEqual(rules([seen('one', 5, 1), seen('two', 5, 3), seen('one', 9, 5)]), [])
  assert.deepEqual(rules([seen('two', 5, 3)], [sent('a', 5, 1)]), ['end-goes-back'])
  assert.deepEqual(rules([seen('two', 6, 3)], [sent('a', 5, 1)]), [])
  assert.deepEqual(rules([seen('two', 5, 3)], [{ ...sent('a', 5, 1), partition: 1 }]), [])
})

test('what two leaders at a time would do to a history is caught: lost, doubled and reread messages', () => {
  const rulesOf = (operations: (Send | Delivery)[], ...payloads: string[]) => [
    ...new Set(check({ operations, final: stored(...payloads), drained: [] }).map(({ rule }) => rule)),
  ]
  assert.deepEqual(rulesOf([sent('a', 0, 1), sent('b', 1, 3)], 'a', 'b'), [])
  assert.deepEqual(rulesOf([sent('a', 0, 1), sent('b', 1, 3)], 'a'), ['acknowledged-lost'])
  // Two acknowledged at one offset: one of them is not there.
  assert.deepEqual(rulesOf([sent('a', 0, 1), sent('b', 0, 1)], 'a'), ['acknowledged-lost'])
  const delivered = (payload: string, offset: number, at: number): Delivery => {
    const reader = { group: 'reader', session: 'reader.0', isolation: 'read_committed' } as const
    return { op: 'deliver', at, partition: 0, offset, payload, ...reader }
  }
  const both = [sent('a', 0, 1), sent('b', 1, 3)]
  assert.deepEqual(rulesOf([...both, delivered('b', 1, 5), delivered('a', 0, 6)], 'a', 'b'), ['session-goes-back'])
  assert.deepEqual(rulesOf([...both, delivered('c', 1, 5)], 'a', 'b'), ['read-then-lost'])
})

const batch = (value: string, baseOffset: number): Buffer => {
  const { bytes } = buildBatch([{ value: Buffer.from(value), timestamp: 1 }])
  const placed = Buffer.from(bytes)
  placed.writeBigInt64BE(BigInt(baseOffset))
  return placed
}

test('nodes whose files hold other batches are caught, wherever their segments begin', async () => {
  const directory = await makeTemporaryDirectory('holdfast-nodes-')
  const write = (node: string, files: Record<string, Buffer[]>): NodeLogs => {
    const partition = join(directory.path, node, 't-0')
    mkdirSync(partition, { recursive: true })
    for (const [offset, batches] of Object.entries(files)) {
      writeFileSync(join(partition, `${offset.padStart(20, '0')}.log`), Buffer.concat(batches))
    }
    return readLogs(join(directory.path, node))
  }
  try {
    const zeros = Buffer.alloc(200)
    const [a, b, c] = [batch('a', 0), batch('b', 1), batch('c', 2)]
    const whole = write('whole', { 0: [a, b, c, zeros] })
    const rolled = write('rolled', { 0: [a, b], 2: [c] })
    const short = write('short', { 0: [a, b] })
    const other = write('other', { 0: [a, b, batch('d', 2)] })
    const compare = (logs: NodeLogs, compacted = false) =>
      checkNodes(
        new Map([
          ['whole', whole],
          ['it', logs],
        ]),
        () => compacted,
      ).map(({ rule }) => rule)
    assert.deepEqual(compare(rolled), [])
    assert.deepEqual(compare(short), ['nodes-differ'])
    assert.deepEqual(compare(other), ['nodes-differ'])
    assert.deepEqual(compare(new Map()), ['nodes-differ'])
    assert.deepEqual(compare(short, true), [])
  } finally {
    await directory.remove()
  }
})

test('a failover lasts until a send that began after the fault is acknowledged', () => {
  const fault: Happened = {
    kind: 'kill',
    on: 'node one',
    wasPrimary: true,
    beganMs: 100,
    endedMs: 900,
    detail: '',
  }
  const another: Happened = { ...fault, kind: 'late', on: 'etcd two', wasPrimary: false, beganMs: 200, endedMs: 250 }
  const acknowledged = [
    { beganMs: 90, endedMs: 110 },
    { beganMs: 150, endedMs: 400 },
    { beganMs: 160, endedMs: 300 },
  ]
  const took = (happened: Happened[], sends = acknowledged) =>
    failovers(happened, sends, new Set(['kill'])).map(({ afterMs, isAlone }) => [afterMs, isAlone])
  assert.deepEqual(took([fault]), [[200, true]])
  assert.deepEqual(took([fault, another]), [[200, false]])
  assert.deepEqual(took([fault, { ...another, beganMs: 350 }]), [[200, true]])
  assert.deepEqual(took([fault], acknowledged.slice(0, 1)), [[undefined, true]])
  assert.deepEqual(took([{ ...fault, wasPrimary: false }]), [])
})

test('the rules of a place say what becomes of the packets from another, and leave the watching alone', () => {
  const text = ruleset([
    { from: 'two', to: 'one' },
    { from: 'clients', to: 'one', percent: 5, reset: true },
    { from: 'three', to: 'one', traffic: 'etcd' },
  ])
  const lines = text.split('\n').map((line) => line.trim())
  for (const line of [
    'ip saddr 10.77.0.2 drop',
    'ip saddr 10.77.0.254 numgen random mod 100 < 5 meta l4proto tcp reject with tcp reset',
    'ip saddr 10.77.0.3 tcp dport { 2379, 2380 } drop',
    'ip saddr 10.77.0.3 tcp sport { 2379, 2380 } drop',
  ])
    assert.ok(lines.includes(line), line)
  assert.ok(lines.indexOf('tcp dport 19092 accept') < lines.indexOf('ip saddr 10.77.0.2 drop'))
})

test('a topic that was made and is gone, one that was deleted and is back, and a lost message in one are caught', () => {
  const rules = (made: Partial<MadeTopic>, holds?: string[]) =>
    checkTopics([{ name: 'x', created: 'acked', ...made }], new Map(holds === undefined ? [] : [['x', holds]])).map(
      ({ rule }) => rule,
    )
  assert.deepEqual(rules({}), ['topic-lost'])
  assert.deepEqual(rules({ deleted: 'acked' }, []), ['topic-back'])
  assert.deepEqual(rules({ sent: 'acked' }, ['y']), ['acknowledged-lost'])
  for (const legal of [{ deleted: 'acked' }, { deleted: 'unknown' }, { created: 'unknown' }] as const)
    assert.deepEqual(rules(legal), [])
  assert.deepEqual(rules({ sent: 'acked' }, ['x']), [])
  assert.deepEqual(rules({ sent: 'unknown' }, []), [])
})
