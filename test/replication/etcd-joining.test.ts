/** How a node comes to etcd: before etcd is there, while another process has its id, and after its lease was lost. */

import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Logger } from '../../src/core/logger.js'
import { silentLogger } from '../../src/core/logger.js'
import { Etcd, withoutEtcd } from '../support/etcd.js'
import { until } from '../support/until.js'
import { Gate } from './etcd-gate.js'
import { clusterId, leaseMs, openNode, untilLeads } from './etcd-nodes.js'

const skip = withoutEtcd()
let etcd: Etcd

before(async () => {
  if (!skip) etcd = await Etcd.start()
})
after(async () => {
  if (!skip) await etcd.stop()
})

/** Keeps what is said, with its reason. */
function listening(): { readonly logger: Logger; readonly warnings: string[]; readonly errors: string[] } {
  const warnings: string[] = []
  const errors: string[] = []
  const keep = (lines: string[]) => (fields: object, message: string) => {
    lines.push(`${message}: ${'reason' in fields ? fields.reason : ''}`)
  }
  return { logger: { ...silentLogger, warn: keep(warnings), error: keep(errors) }, warnings, errors }
}

async function openGate(t: TestContext): Promise<Gate> {
  const gate = await Gate.open(etcd.urls[0])
  t.after(() => gate.close())
  return gate
}

/** What etcd says when nobody leads. */
function withoutLeader(answer: string): string {
  const said = JSON.parse(answer) as { kvs?: { key: string }[] }
  const isLeader = ({ key }: { key: string }): boolean => /\/leader$/.test(Buffer.from(key, 'base64').toString())
  return JSON.stringify({ ...said, kvs: said.kvs?.filter((entry) => !isLeader(entry)) })
}

describe('coming to etcd', { concurrency: true, skip }, () => {
  test('a node that comes before etcd waits for it, says so, and may lead when etcd is there', async (t) => {
    const gate = await openGate(t)
    gate.fate = () => 'break'
    const { logger, warnings } = listening()
    const node = await openNode(t, 1, [gate.url], { cluster: 'before-etcd', leaseMs, logger })
    assert.deepEqual([node.leads, node.isVacant, node.mayFollow, node.leadership], [false, false, false, undefined])
    assert.match(warnings.join('\n'), /waits for etcd.*etcd does not answer \(http:\/\/127/)
    assert.match(node.trouble ?? '', /etcd does not answer/)
    assert.deepEqual(
      node.members.map(({ nodeId }) => nodeId),
      [1],
    )
    gate.fate = () => 'pass'
    await untilLeads(node)
    assert.equal(node.leadership?.epoch, 1)
    assert.equal(node.trouble, undefined)
    // It hears of others: the watch is there too.
    await openNode(t, 2, etcd.urls, { cluster: 'before-etcd' })
    await until('1 hears of 2', () => node.members.length === 2)
  })

  test('a node that comes before etcd can be closed while it waits', async (t) => {
    const gate = await openGate(t)
    gate.fate = () => 'break'
    const node = await openNode(t, 1, [gate.url], { cluster: 'closed-before-etcd', leaseMs })
    await node.close()
    gate.fate = () => 'pass'
    assert.deepEqual(await etcd.nodes[0].entries('/closed-before-etcd'), {})
  })

  test('an id that is found taken when etcd comes is told of once, and taken when it is free', async (t) => {
    const gate = await openGate(t)
    gate.fate = () => 'break'
    const { logger, errors } = listening()
    const late = await openNode(t, 1, [gate.url], { cluster: 'taken', leaseMs, logger })
    const other = await openNode(t, 1, etcd.urls, { cluster: 'taken' })
    gate.fate = () => 'pass'
    await until('it is told of', () => errors.length > 0)
    assert.match(errors[0], /another process has taken the id.*node\.id=1 is in use .* node-1:9092/)
    assert.deepEqual([late.isVacant, late.mayFollow, other.mayFollow], [false, false, true])
    await other.close()
    await untilLeads(late)
    assert.ok(late.mayFollow)
    assert.equal(errors.length, 1)
  })

  test('a node that lost its lease, or its own answers, takes no trace of itself for another process', async (t) => {
    const gate = await openGate(t)
    const { logger, errors } = listening()
    const node = await openNode(t, 1, [gate.url], { cluster: 'own-trace', leaseMs, logger })
    await untilLeads(node)
    // Nothing is heard but by its own rounds.
    gate.fate = (path) => (path === '/v3/watch' ? 'break' : 'pass')
    gate.breakWatches()
    gate.rewrite = (path, answer) => (path === '/v3/kv/range' ? withoutLeader(answer) : answer)
    await until('it leads no more', () => !node.leads)
    gate.rewrite = (_, answer) => answer
    await untilLeads(node)

    const lost = new Set<string>()
    gate.fate = (path, body) => {
      if (path === '/v3/watch') return 'break'
      if (path !== '/v3/kv/txn' || lost.has(body)) return 'pass'
      lost.add(body)
      return 'lose'
    }
    await etcd.nodes[0].remove('/own-trace/members/1')
    await until('it is known again', async () => '/own-trace/members/1' in (await etcd.nodes[0].entries('/own-trace')))
    assert.ok(lost.size > 0)
    assert.ok(await node.claim(clusterId, 0))
    assert.deepEqual(errors, [])
  })
})
