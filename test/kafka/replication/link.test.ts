/** A replica's link to a served leader, over a real socket. */

import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { until } from '../../support/until.js'
import { batchOf, serve } from '../server/served.js'
import { linkTo, replicaFetch, serveReplicated, smallLeader, someReport } from './scene.js'

const orders = { topic: 'orders', partition: 0 }
const bills = { topic: 'bills', partition: 3 }
const long = 60_000
const someAcknowledgement = { replicaId: 2, leaderEpoch: 7, sessionId: 1, sessionEpoch: 0, positions: [] }

test('a session: all positions first, then what has moved, and answers that name only news', async (t) => {
  const { leader, link, complaints } = await serveReplicated(t)
  const records = [batchOf('a'), batchOf('b', 'c')]
  for (const each of records) leader.append(orders, each)
  const replica = link()
  const positions = [
    { ...orders, offset: 0 },
    { ...bills, offset: 0 },
  ]
  const first = await replica.fetch(replicaFetch({ positions }))
  const toTell = { error: undefined, highWatermark: 0, lastStableOffset: 0, logStartOffset: 0 }
  assert.deepEqual(first, {
    sessionId: 1,
    partitions: [{ ...orders, ...toTell, records: [Buffer.concat(records)] }],
  })

  const waiting = replica.fetch(
    replicaFetch({ sessionId: 1, sessionEpoch: 1, positions: [{ ...orders, offset: 2 }], maxWaitMs: long }),
  )
  await until('it waits', () => leader.waiting === 1)
  const late = batchOf('d')
  leader.append(bills, late)
  const second = await waiting
  assert.deepEqual(second.partitions, [{ ...bills, ...toTell, records: [late] }])

  const third = await replica.fetch(replicaFetch({ sessionId: 1, sessionEpoch: 2, forgotten: [bills] }))
  assert.deepEqual(third, { sessionId: 1, partitions: [] })
  assert.deepEqual(
    leader.fetches.map(({ positions: named, forgotten, leaderEpoch }) => [named, forgotten, leaderEpoch]),
    [
      [positions, [], 7],
      [[{ ...orders, offset: 2 }], [], 7],
      // The epoch is known although no position says it.
      [[], [bills], 7],
    ],
  )
  await until('what was lent is given back', () => leader.returned === leader.lent)
  assert.equal(leader.lent, 2)
  assert.deepEqual(complaints, [])
})

test('a leader refuses what a session or an epoch does not allow', async (t) => {
  const { link } = await serveReplicated(t)
  const replica = link()
  const { sessionId } = await replica.fetch(replicaFetch())
  const refused = (code: string, fetch: object) => assert.rejects(replica.fetch(replicaFetch(fetch)), { code })
  await refused('INVALID_FETCH_SESSION_EPOCH', { sessionId, sessionEpoch: 2 })
  await refused('FETCH_SESSION_ID_NOT_FOUND', { sessionId: 99, sessionEpoch: 1 })
  await refused('FENCED_LEADER_EPOCH', { leaderEpoch: 6 })
  await refused('UNKNOWN_LEADER_EPOCH', { leaderEpoch: 8, positions: [{ ...orders, offset: 0 }] })
  await assert.rejects(replica.acknowledge({ ...someAcknowledgement, sessionId: 99 }), {
    code: 'FETCH_SESSION_ID_NOT_FOUND',
  })
  await assert.rejects(replica.acknowledge({ ...someAcknowledgement, leaderEpoch: 6 }), { code: 'FENCED_LEADER_EPOCH' })
  await assert.rejects(replica.endOfEpochs(6, [{ ...orders, epoch: 3 }]), { code: 'FENCED_LEADER_EPOCH' })
  await assert.rejects(replica.report({ ...someReport, clusterId: 'another' }), {
    code: 'INCONSISTENT_CLUSTER_ID',
    message: 'The replica is of another cluster.',
  })
})

test('a broker without replicas refuses replicas, and one of another kind cannot be asked', async (t) => {
  const { server } = await serve(t)
  const replica = linkTo(t, server.port)
  for (const question of [
    replica.fetch(replicaFetch({ positions: [{ ...orders, offset: 0 }] })),
    replica.endOfEpochs(7, [{ ...orders, epoch: 3 }]),
    replica.report(someReport),
    replica.acknowledge(someAcknowledgement),
  ]) {
    await assert.rejects(question, { code: 'NOT_LEADER_OR_FOLLOWER' })
  }
  assert.deepEqual(await replica.endOfEpochs(7, []), [])
})

test('what a replica has is told as it says it', async (t) => {
  const { leader, link } = await serveReplicated(t)
  const replica = link()
  const { sessionId } = await replica.fetch(replicaFetch({ positions: [{ ...orders, offset: 0 }] }))
  const positions = [
    { ...orders, offset: 2 ** 40 },
    { ...orders, partition: 5, offset: 0 },
    { ...bills, offset: 7 },
  ]
  await replica.acknowledge({ ...someAcknowledgement, sessionId, sessionEpoch: 3, positions })
  assert.deepEqual(leader.acknowledgements, [
    { replicaId: 2, leaderEpoch: 7, sessionId, sessionEpoch: 3, positions, signal: undefined },
  ])
})

test('the ends of epochs, and a report with all that a leader tells', async (t) => {
  const { leader, link } = await serveReplicated(t)
  leader.append(orders, batchOf('a'))
  leader.catalog = [
    {
      name: 'orders',
      id: Buffer.alloc(16, 1),
      partitions: 2,
      config: { 'retention.ms': '5', 'compression.type': 'lz4' },
      largestBatchBytes: 0,
    },
    { name: 'bills', id: Buffer.alloc(16, 2), partitions: 4, config: {}, largestBatchBytes: 0 },
  ]
  leader.description = { ...leader.description, members: [someReport.member] }
  const replica = link()
  assert.deepEqual(
    await replica.endOfEpochs(7, [
      { ...orders, epoch: 9 },
      { ...bills, epoch: 3 },
    ]),
    [
      { ...orders, epoch: 7, endOffset: 1 },
      { ...bills, epoch: 3, endOffset: -1 },
    ],
  )
  const leadership = { clusterId: 'the cluster', epoch: 7, leaderId: 1, inSync: [1, 2] }
  const told = { leadership, members: [someReport.member], catalogVersion: 1 }
  assert.deepEqual(await replica.report({ ...someReport, wantsToLead: true }), {
    ...told,
    catalog: leader.catalog,
    mayLead: true,
  })
  const upToDate = { ...someReport, catalogVersion: 1 }
  assert.deepEqual(await replica.report(upToDate), { ...told, catalog: undefined, mayLead: false })
  assert.deepEqual(
    leader.reports,
    [{ ...someReport, wantsToLead: true }, upToDate].map((each) => ({ ...each, signal: undefined })),
  )
})

test('a question that waits holds up no other', async (t) => {
  const { leader, link } = await serveReplicated(t)
  const replica = link()
  const positions = [{ ...orders, offset: 0 }]
  const fetching = replica.fetch(replicaFetch({ positions, maxWaitMs: long }))
  const reporting = replica.report({ ...someReport, catalogVersion: 1, maxWaitMs: long })
  await until('both wait', () => leader.waiting === 2)
  assert.equal((await replica.endOfEpochs(7, [{ ...orders, epoch: 3 }])).length, 1)
  assert.equal((await replica.report(someReport)).catalogVersion, 1)
  leader.tell()
  assert.deepEqual((await fetching).partitions, [])
  await reporting
})

test('a question that is taken back ends at once, and its connection with it', async (t) => {
  const { leader, link, server } = await serveReplicated(t)
  const replica = link()
  const taking = new AbortController()
  const fetching = replica.fetch(replicaFetch({ maxWaitMs: long, signal: taking.signal }))
  const refused = assert.rejects(fetching, { code: 'CLOSED' })
  await until('it waits', () => leader.waiting === 1)
  taking.abort()
  await refused
  await until('its leader has noticed', () => leader.waiting === 0 && server.connectionCount === 0)
  await assert.rejects(replica.fetch(replicaFetch({ signal: taking.signal })), { code: 'CLOSED' })
  assert.equal(leader.fetches.length, 1)
  assert.equal((await replica.fetch(replicaFetch())).sessionId, 2)
})

interface Mute {
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
  /** Breaks its connections, and takes no more. */
  lose(): Promise<void>
}

/** Takes connections and says nothing. */
async function mute(t: TestContext): Promise<Mute> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.resume()
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const lose = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  t.after(lose)
  return { port: (server.address() as AddressInfo).port, sockets, lose }
}

test('a leader that is lost fails what it was asked, and is asked again when it is there again', async (t) => {
  const { port, sockets, lose } = await mute(t)
  const replica = linkTo(t, port)
  const refused = assert.rejects(replica.fetch(replicaFetch({ maxWaitMs: long })), { code: 'CONNECTION_FAILED' })
  await until('it is connected', () => sockets.size === 1)
  await lose()
  await refused
  await assert.rejects(replica.report(someReport), { code: 'CONNECTION_FAILED' })
  const leader = smallLeader()
  const again = await serve(t, {}, { port, replication: leader })
  assert.equal((await replica.report(someReport)).catalogVersion, 1)

  const waiting = replica.fetch(replicaFetch({ maxWaitMs: long }))
  await until('it waits', () => leader.waiting === 1)
  await again.server.close()
  assert.deepEqual(await waiting, { sessionId: 1, partitions: [] }, 'a leader that is stopped answers what waits')
  await assert.rejects(replica.fetch(replicaFetch()), { code: 'CONNECTION_FAILED' })
})

test('one that takes connections and says nothing: time limit, taking back and closing end the wait', async (t) => {
  const { port, sockets } = await mute(t)
  await assert.rejects(linkTo(t, port, 50).report(someReport), { code: 'CONNECTION_FAILED' })
  const patient = linkTo(t, port)
  const taking = new AbortController()
  const asked = assert.rejects(patient.fetch(replicaFetch({ signal: taking.signal })), { code: 'CLOSED' })
  const closed = assert.rejects(patient.report(someReport), { code: 'CONNECTION_FAILED' })
  await until('both have connected', () => sockets.size === 2)
  taking.abort()
  await asked
  await patient.close()
  await closed
  await until('no connection is left', () => sockets.size === 0)
  await assert.rejects(patient.report(someReport), { code: 'CLOSED' })
})
