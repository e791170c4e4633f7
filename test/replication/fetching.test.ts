/** How a replica fetches: ahead of its own disk by one answer, and never telling more than what is on it. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CopiedBatches } from '../../src/broker/contract.js'
import { HoldfastError } from '../../src/core/errors.js'
import { copiedBatches } from '../../src/records/copied.js'
import type { ReplicaAcknowledgement, ReplicaFetch, ReplicaService } from '../../src/replication/contract.js'
import { Fetching } from '../../src/replication/follower/fetching.js'
import { takeOverTopics } from '../../src/replication/follower/topics.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { gate, mib, settingsWith, sizedBatch, temporaryDirectory, turns, whenEnded } from '../storage/support.js'
import { until } from '../support/until.js'
import { FakeReplica, LedStore } from './led-store.js'

/** A replica with a disk that answers when it is let, beside a leader. */
async function following(t: TestContext) {
  const led = await LedStore.open(t)
  const member = new FakeReplica(led)
  await member.report()
  const settings = settingsWith({ 'replication.mode': 'sync', 'node.id': 2, 'replica.fetch.max.bytes': 400_000 })
  const elsewhere = { shownUpTo: () => 0, isCopy: true, epochOfNewLogs: 0, topicsChanged: async () => {} }
  const store = await MessageStore.open(await temporaryDirectory(t), { settings, elsewhere })
  whenEnded(t, () => store.close())
  const catalog = led.store.topics().map((topic) => ({ ...topic, largestBatchBytes: 0 }))
  await takeOverTopics(store, catalog)

  const fetches: ReplicaFetch[] = []
  const acknowledged: ReplicaAcknowledgement[] = []
  const leader: ReplicaService = {
    fetch: (request) => {
      fetches.push(request)
      return led.leader.fetch(request)
    },
    acknowledge: (acknowledgement) => {
      acknowledged.push(acknowledgement)
      return led.leader.acknowledge(acknowledgement)
    },
    endOfEpochs: (epoch, questions) => led.leader.endOfEpochs(epoch, questions),
    report: (report) => led.leader.report(report),
  }
  const appends: ReturnType<typeof gate>[] = []
  let refusal: HoldfastError | undefined
  const refuse = (error: HoldfastError): void => {
    refusal = error
  }
  const copied = {
    async appendReplicated({ topic, partition, records }: CopiedBatches): Promise<void> {
      const mayGoOn = gate()
      appends.push(mayGoOn)
      await mayGoOn.passed
      if (refusal !== undefined) throw refusal
      await store.log(topic, partition)?.copies.append(copiedBatches(records, mib))
    },
  }
  const { clock } = led
  const fetching = new Fetching({
    ...{ store, copied, leader, settings, clock },
    ...{ nodeId: 2, leaderEpoch: 1, isInSync: () => true },
  })
  const ending = new AbortController()
  const run = fetching.run(ending.signal)
  whenEnded(t, async () => {
    ending.abort()
    for (const append of appends) append.open()
    await run.catch(() => {})
  })
  await until('it fetches', () => fetches.length > 0)
  return { led, store, fetches, appends, acknowledged, run, refuse }
}

const offsetsOf = (requests: readonly { readonly positions: readonly { readonly offset: number }[] }[]) =>
  requests.map(({ positions }) => positions.map(({ offset }) => offset))

/** One batch that fills an answer. */
async function appendMuch(led: LedStore): Promise<void> {
  await led.log().append(sizedBatch(300_000)).stored
}

test('behind an answer that is not full, the next request says that it is stored, and nothing else does', async (t) => {
  const { led, fetches, appends, acknowledged } = await following(t)
  for (let i = 0; i < 3; i++) {
    await led.append()
    await until('it is on its way', () => appends.length === i + 1)
    await turns(50)
    assert.equal(fetches.length, i + 1)
    appends[i].open()
    await until('the next answer is asked for', () => fetches.length === i + 2)
    assert.equal(led.log().highWatermark, i + 1)
  }
  assert.deepEqual(offsetsOf(fetches), [[0], [1], [2], [3]])
  assert.ok(fetches.every(({ isAhead }) => !isAhead))
  assert.deepEqual(acknowledged, [])
})

test('behind a full answer the next is asked for while it is on its way to the disk, and no third one', async (t) => {
  const { led, fetches, appends, acknowledged } = await following(t)
  await appendMuch(led)
  await until('a second answer is asked for', () => fetches.length === 2)
  for (let i = 0; i < 2; i++) await appendMuch(led)
  await turns(200)
  assert.deepEqual(
    fetches.map(({ isAhead }) => isAhead),
    [false, true],
  )
  assert.deepEqual(offsetsOf(fetches), [[0], [1]], 'the second answer waits until the first is stored')
  assert.equal(appends.length, 1)
  assert.deepEqual(acknowledged, [])
  assert.equal(led.log().highWatermark, 0)

  appends[0].open()
  await until('the first is acknowledged', () => acknowledged.length > 0)
  assert.deepEqual(offsetsOf(acknowledged), [[1]])
  assert.equal(led.log().highWatermark, 1)
  await until('the second is on its way, and a third is asked for', () => appends.length === 2 && fetches.length === 3)
  appends[1].open()
  await until('it is acknowledged', () => acknowledged.length === 2)
  assert.deepEqual(offsetsOf(acknowledged)[1], offsetsOf(fetches)[2])
})

test('what the leader has given up goes before more is appended, for which there may be no room otherwise', async (t) => {
  const { led, store, fetches, appends, run, refuse } = await following(t)
  for (let i = 0; i < 2; i++) {
    await led.append()
    await until('it is on its way', () => appends.length === i + 1)
    appends[i].open()
    await until('it is stored', () => fetches.length === i + 2)
  }
  await led.log().deleteRecordsBefore(2)
  await led.append()
  await until('the third is on its way', () => appends.length === 3)
  refuse(new HoldfastError('DISK_FULL'))
  appends[2].open()
  await assert.rejects(run, { code: 'DISK_FULL' })
  assert.equal(store.log('orders', 0)?.logStartOffset, 2)
})

test('an answer that the disk refuses ends the session, and nothing of it or of the next is acknowledged', async (t) => {
  const { led, fetches, appends, acknowledged, run, refuse } = await following(t)
  await appendMuch(led)
  await until('a second answer is asked for', () => fetches.length === 2)
  await appendMuch(led)
  await turns(50)
  refuse(new HoldfastError('LOG_FAILED'))
  appends[0].open()
  await assert.rejects(run, { code: 'LOG_FAILED' })
  await turns(50)
  assert.deepEqual(acknowledged, [])
  assert.equal(appends.length, 1)
})
