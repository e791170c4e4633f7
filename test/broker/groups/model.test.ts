/**
 * Random clients over virtual time: they join, sync, beat, commit, leave, vanish and come back, the log holds its
 * acknowledgements back or fails, the coordinator crashes and restarts. Whatever they do, the promises must hold.
 */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { JoinResult, SyncResult } from '../../../src/broker/groups/contract.js'
import {
  commitOf,
  joinRequest,
  offsetOf,
  restarted,
  subscriptionTo,
  syncRequest,
  type Watched,
  type World,
  watch,
  world,
} from './world.js'

type Action =
  | { readonly kind: 'join'; readonly client: number; readonly topics: number; readonly known: boolean }
  | { readonly kind: 'sync' | 'beat' | 'leave' | 'vanish' | 'fence'; readonly client: number }
  | { readonly kind: 'commit' | 'staleCommit'; readonly client: number; readonly partition: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'rally'; readonly clients: readonly number[]; readonly syncing: readonly number[] }
  | { readonly kind: 'hold' | 'flush' | 'fail' | 'recover' | 'restart' }

type LogAction = 'hold' | 'flush' | 'fail' | 'recover'

interface Client {
  memberId: string
  readonly groupInstanceId: string | null
  joined: JoinResult | undefined
}

interface Commit {
  readonly partition: number
  readonly offset: number
  readonly request: Watched<unknown>
}

const clientNumber = fc.integer({ min: 0, max: 4 })
const kindOf = <const K extends Action['kind']>(...kinds: K[]) => fc.constantFrom(...kinds)

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kindOf('join'),
      client: clientNumber,
      topics: fc.integer({ min: 1, max: 2 }),
      known: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: kindOf('sync', 'beat'), client: clientNumber }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kindOf('rally'),
      clients: fc.uniqueArray(clientNumber, { minLength: 1 }),
      syncing: fc.uniqueArray(clientNumber, { minLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kindOf('leave', 'vanish', 'fence'), client: clientNumber }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kindOf('commit', 'commit', 'staleCommit'),
      client: clientNumber,
      partition: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kindOf('pass'), ms: fc.constantFrom(1, 500, 3000, 9000, 31_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: kindOf('hold', 'flush', 'flush', 'fail', 'recover', 'restart') }) },
)

const settings = { 'group.initial.rebalance.delay.ms': 1000, 'group.max.size': 4 }

class Chaos {
  world: World = world(settings)
  readonly requests: Watched<unknown>[] = []
  /** In the order of their calls. */
  readonly commits: Commit[] = []
  readonly #clients: Client[] = [null, null, null, 'i', 'j'].map((groupInstanceId) => ({
    memberId: '',
    groupInstanceId,
    joined: undefined,
  }))
  /** Of this coordinator's life: answers come in no smaller generation than those before. */
  #generation = 0
  #nextOffset = 1

  async act(action: Action): Promise<void> {
    switch (action.kind) {
      case 'pass':
        await this.world.clock.run(action.ms)
        break
      case 'rally':
        await this.#rally(action.clients, action.syncing)
        break
      case 'hold':
      case 'flush':
      case 'fail':
      case 'recover':
        this.#actOnLog(action.kind)
        break
      case 'restart':
        await this.#restart()
        break
      default:
        this.#actAs(this.#clients[action.client], action)
    }
    await this.world.clock.run(0)
    await this.#check()
  }

  #actOnLog(kind: LogAction): void {
    const { log } = this.world
    if (kind === 'hold') log.acknowledgesAtOnce = false
    else if (kind === 'fail') log.fail()
    else if (kind === 'recover') log.recover()
    else {
      log.acknowledgesAtOnce = true
      void log.flush()
    }
  }

  #actAs(client: Client, action: Exclude<Action, { kind: 'pass' | 'rally' | LogAction | 'restart' }>) {
    const { coordinator } = this.world
    const { joined } = client
    const member = {
      groupId: 'g',
      memberId: client.memberId,
      groupInstanceId: client.groupInstanceId,
      generationId: joined?.generationId ?? -1,
    }
    switch (action.kind) {
      case 'join':
        return this.#join(client, action.topics, action.known)
      case 'sync':
        return joined === undefined ? undefined : this.#sync(client, joined)
      case 'beat':
        return this.#send(coordinator.heartbeat(member))
      case 'leave':
        return this.#send(coordinator.leaveGroup('g', [member]))
      case 'vanish':
        client.memberId = ''
        client.joined = undefined
        return
      case 'fence':
        // The process of the static member starts anew while the old one still runs.
        return client.groupInstanceId === null ? undefined : this.#join({ ...client, memberId: '' }, 1, false)
      case 'commit':
        return this.#commit(member, action.partition)
      case 'staleCommit':
        if (joined === undefined || this.#generation < 2) return
        return this.#mustFail(
          coordinator.commitOffsets(commitOf({ ...member, generationId: this.#generation - 1 }, offsetOf(0))),
        )
    }
  }

  /** Clients that do what they should, most of them: without, a random group is hardly ever stable. */
  async #rally(clients: readonly number[], syncing: readonly number[]): Promise<void> {
    for (const client of clients) this.#join(this.#clients[client], 1, false)
    await this.world.clock.run(1500)
    for (const client of syncing) {
      const { joined } = this.#clients[client]
      if (joined !== undefined) this.#sync(this.#clients[client], joined)
    }
  }

  #join(client: Client, topics: number, requireKnownMemberId: boolean): void {
    const { coordinator } = this.world
    const request = joinRequest({
      memberId: client.memberId,
      groupInstanceId: client.groupInstanceId,
      requireKnownMemberId,
      protocols: [{ name: 'range', metadata: subscriptionTo(...['a', 'b'].slice(0, topics)) }],
      rebalanceTimeoutMs: 30_000,
    })
    const joining = coordinator.joinGroup(request).then((result) => {
      if ('memberIdRequired' in result) {
        client.memberId = result.memberIdRequired
        return
      }
      if (coordinator !== this.world.coordinator) return
      assert.ok(result.generationId >= this.#generation, 'generations only grow')
      this.#generation = result.generationId
      client.memberId = result.memberId
      client.joined = result
    })
    this.#send(joining)
  }

  #sync(client: Client, joined: JoinResult): void {
    // Each assignment tells for which generation it was made.
    const assignments = Object.fromEntries(joined.members.map(({ memberId }) => [memberId, `${joined.generationId}`]))
    const request = { ...syncRequest(joined, assignments), groupInstanceId: client.groupInstanceId }
    const syncing = this.world.coordinator.syncGroup(request).then((result: SyncResult) => {
      assert.equal(result.assignment.toString(), `${joined.generationId}`, 'the assignment is of the generation joined')
    })
    this.#send(syncing)
  }

  #commit(member: Parameters<typeof commitOf>[0], partition: number): void {
    const offset = this.#nextOffset++
    const request = watch(this.world.coordinator.commitOffsets(commitOf(member, offsetOf(offset, { partition }))))
    this.requests.push(request)
    this.commits.push({ partition, offset, request })
  }

  #mustFail(request: Promise<unknown>): void {
    const refused = request.then(() => assert.fail('a commit of an old generation is refused'))
    this.#send(refused)
  }

  #send(request: Promise<unknown>): void {
    this.requests.push(watch(request))
  }

  async #restart(): Promise<void> {
    const { clock, coordinator, log } = this.world
    // A crash: what was not durable is gone, and so are all connections.
    log.fail()
    await coordinator.close()
    await clock.run(0)
    assert.equal(clock.scheduled, 0)
    this.world = restarted(this.world, settings)
    this.#generation = 0
    await this.world.coordinator.start()
  }

  async #check(): Promise<void> {
    const { coordinator } = this.world
    for (const { state, code, error } of this.requests) if (state === 'refused' && code === undefined) throw error
    const { state, members } = await coordinator.describeGroup('g')
    const instances = members.flatMap(({ groupInstanceId }) => groupInstanceId ?? [])
    assert.equal(new Set(instances).size, instances.length, 'an instance id has one member')
    if (state === 'Stable') {
      const generations = new Set(members.map(({ assignment }) => assignment.toString()))
      assert.equal(generations.size, 1, 'all assignments of a stable group are of one generation')
      assert.match([...generations][0], /^\d+$/, 'every member of a stable group has an assignment')
    }
    assert.equal(state === 'Empty' || state === 'Dead', members.length === 0 && state !== 'PreparingRebalance')
    const seen = new Map(
      (await coordinator.fetchOffsets('g', null)).map(({ partition, offset }) => [partition, offset]),
    )
    const acknowledged = new Map<number, number>()
    for (const { partition, offset, request } of this.commits) {
      if (request.state === 'answered') acknowledged.set(partition, offset)
    }
    assert.deepEqual(
      new Map([...seen].sort()),
      new Map([...acknowledged].sort()),
      'what is seen is what was acknowledged',
    )
  }

  /** Nobody does anything any more: time alone must answer everything and empty the group. */
  async quieten(): Promise<void> {
    const { clock, coordinator, log } = this.world
    log.recover()
    await this.act({ kind: 'flush' })
    await clock.run(20 * 60_000)
    assert.ok(this.requests.every(({ state }) => state !== 'waiting'))
    assert.ok(['Empty', 'Dead'].includes((await coordinator.describeGroup('g')).state))
    assert.equal(clock.scheduled, 0)
  }

  /** And then it serves new members, and another restart finds the same offsets. */
  async goOn(): Promise<void> {
    const { clock, coordinator } = this.world
    const joins = [1, 2].map(() => watch(coordinator.joinGroup(joinRequest())))
    await clock.run(5000)
    const syncs = joins.map(({ result }) => {
      assert.ok(result !== undefined && 'members' in result)
      const assignments = Object.fromEntries(result.members.map(({ memberId }) => [memberId, '1']))
      return watch(coordinator.syncGroup(syncRequest(result, assignments)))
    })
    await clock.run(0)
    assert.deepEqual(
      syncs.map(({ state }) => state),
      ['answered', 'answered'],
    )
    await this.act({ kind: 'restart' })
    assert.equal((await this.world.coordinator.describeGroup('g')).state, 'Stable')
    await this.quieten()
  }
}

it('keeps its promises, whatever members, time and disk do', async () => {
  const runs = fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (actions) => {
    const chaos = new Chaos()
    for (const each of actions) await chaos.act(each)
    await chaos.quieten()
    await chaos.goOn()
  })
  await fc.assert(runs, { numRuns: 200 })
})
