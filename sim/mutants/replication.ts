/** Deliberate bugs of replication and failover, which worlds of several nodes have to catch. Data only, as in `list.ts`. */

import type { Mutant } from './list.js'

type ClusterMutant = Omit<Mutant, 'world'>

/** What an acknowledgement and a reader stand on. */
const acknowledging: readonly ClusterMutant[] = [
  {
    name: 'acknowledged-before-copied',
    file: 'storage/log/held-back-log.ts',
    find: 'receipt.acknowledged.then(() => this.#whenShown(receipt.lastOffset))',
    replace: 'receipt.acknowledged',
    breaks: 'what acks=all acknowledges is on every in-sync node',
  },
  {
    name: 'shown-before-copied',
    file: 'storage/log/held-back-log.ts',
    find: 'return Math.min(this.own.lastStableOffset, this.highWatermark)',
    replace: 'return this.own.lastStableOffset',
    breaks: 'readers see only what every in-sync node has',
  },
  {
    name: 'high-watermark-not-held-back',
    file: 'replication/leader/leader.ts',
    find: 'limit = Math.min(limit, this.#replicas.get(nodeId)?.offsetOf(own) ?? 0)',
    replace: 'void nodeId',
    breaks: 'readers see, and senders are told, only what every in-sync node has',
  },
  {
    name: 'waiting-senders-not-refused',
    file: 'replication/leader/leader.ts',
    find: 'for (const log of logsOf(this.#options.store)) log.refuse(error)',
    replace: '',
    breaks: 'what a node took as a leader is not acknowledged by what the next leader has in its place',
  },
  {
    name: 'topic-confirmed-before-shared',
    file: 'replication/leader/leader.ts',
    find: '    return shared\n',
    replace: '    shared.catch(() => {})\n    return Promise.resolve()\n',
    breaks: 'a topic that was confirmed is there under the next leader',
  },
  {
    name: 'copy-told-before-durable',
    file: 'replication/follower/fetching.ts',
    find: 'offset: log.own.highWatermark })),',
    replace: 'offset: log.own.logEndOffset })),',
    breaks: 'a replica has on its disk what it says that it has',
  },
  {
    name: 'given-taken-for-stored',
    file: 'replication/leader/followed.ts',
    find: '    return this.#offset\n',
    replace: '    return this.next\n',
    breaks: 'what a replica was given counts when it says that it has it',
  },
]

/** Who may lead, and what keeps the others from it. */
const fencing: readonly ClusterMutant[] = [
  {
    name: 'epoch-not-raised',
    file: 'replication/etcd/etcd-authority.ts',
    find: 'const epoch = Math.max(last?.epoch ?? 0, aboveEpoch) + 1',
    replace: 'const epoch = Math.max(last?.epoch ?? 0, aboveEpoch, 1)',
    breaks: 'each beginning of a leadership is a new epoch',
  },
  {
    name: 'claim-not-guarded',
    file: 'replication/etcd/steps.ts',
    find: '      { key: leadership, modRevision },\n      { key: leader, isAbsent: true },\n',
    replace: '',
    breaks: 'who begins to lead does so in the place of the leadership that it knows, and of nobody who leads',
  },
  {
    name: 'set-change-not-guarded',
    file: 'replication/etcd/steps.ts',
    find: `    conditions: [
      { key: keys.leadership, modRevision },
      { key: keys.leader, lease },
    ],
    changes: [{ put: keys.leadership, value: wanted }],`,
    replace: '    conditions: [],\n    changes: [{ put: keys.leadership, value: wanted }],',
    breaks: 'who leads no more changes nothing in etcd',
  },
  {
    name: 'lead-answers-on',
    file: 'replication/standing.ts',
    find: 'this.isReady && this.leader !== undefined && this.authority?.leads === true',
    replace: 'this.isReady && this.leader !== undefined',
    breaks: 'a leader that was replaced answers nobody, from the moment on in which its lease is over',
  },
  {
    name: 'lease-not-looked-at',
    file: 'replication/etcd/etcd-authority.ts',
    find: 'return this.#claimed !== undefined && !this.#lease.hasPassed',
    replace: 'return this.#claimed !== undefined',
    breaks: 'no two nodes answer as leaders',
  },
  {
    name: 'lease-counted-from-the-answer',
    file: 'replication/etcd/lease.ts',
    find: `    const sentAt = this.#clock.monotonic()
    const { seconds, term } = await this.#gateway.keepAlive(id)
`,
    replace: `    const { seconds, term } = await this.#gateway.keepAlive(id)
    const sentAt = this.#clock.monotonic()
`,
    breaks: 'a lease is over here before it is over in etcd',
  },
  {
    name: 'lead-kept-while-let-go',
    file: 'replication/etcd/etcd-authority.ts',
    find: '    // From here on another may lead.\n    this.#claimed = undefined\n',
    replace: '',
    breaks: 'who lets go of the lead does not answer any more when another begins',
  },
  {
    name: 'other-epochs-served',
    file: 'replication/leader/leader.ts',
    find: '    const code = leaderEpoch < this.epoch ?',
    replace: '    if (leaderEpoch > 0) return\n    const code = leaderEpoch < this.epoch ?',
    breaks: 'a replica that knows another epoch is refused',
  },
  {
    name: 'led-from-outside-the-set',
    file: 'replication/node.ts',
    find: 'const hasAll = leadership.inSync.includes(nodeId) && known?.inSync.includes(nodeId) === true',
    replace: 'const hasAll = true',
    also: [
      {
        file: 'replication/etcd/etcd-authority.ts',
        find: ' || last?.inSync.includes(nodeId) === false',
        replace: '',
      },
    ],
    breaks: 'only a node of the in-sync set may lead',
  },
  {
    name: 'led-by-an-emptied-directory',
    file: 'replication/node.ts',
    find: 'const known = file.record?.leadership\n    const hasAll',
    replace: 'const known = leadership\n    const hasAll',
    breaks: 'a directory that was emptied does not lead by what etcd remembers of its node',
  },
]

/** Who is in the set, and who is waited for. */
const counting: readonly ClusterMutant[] = [
  {
    name: 'set-kept-over-a-change-of-leaders',
    file: 'replication/etcd/etcd-authority.ts',
    find: 'leaderId: nodeId, inSync: [nodeId] }',
    replace: 'leaderId: nodeId, inSync: last?.inSync ?? [nodeId] }',
    breaks: 'under a new leader a node is in sync when it has caught up with that one',
  },
  {
    name: 'not-waited-for-before-it-is-out',
    file: 'replication/leader/in-sync-set.ts',
    find: '      await this.#options.authority.setInSync(this.recorded.filter((other) => other !== nodeId))\n',
    replace: `      if (this.#counted.delete(nodeId)) this.#options.onCounted()
      await this.#options.authority.setInSync(this.recorded.filter((other) => other !== nodeId))
`,
    breaks: 'a node is waited for until it is decided that it may not lead',
  },
  {
    name: 'waited-for-once-it-is-in',
    file: 'replication/leader/in-sync-set.ts',
    find: '    this.#counted.add(replica.nodeId)\n',
    replace: '',
    breaks: 'whoever may lead has what was acknowledged',
  },
  {
    name: 'joined-while-behind',
    file: 'replication/leader/in-sync-set.ts',
    find: 'if (joining.targets.size > 0 || ',
    replace: 'if (',
    breaks: 'a node that comes into the set has everything that was shown before',
  },
  {
    name: 'joined-without-all-topics',
    file: 'replication/leader/leader.ts',
    find: 'return catalogVersion === this.#topics.version && session?.size === this.#topics.partitionCount()',
    replace: 'return catalogVersion >= 0 && session !== undefined',
    breaks: 'a node that comes into the set has all topics, and follows all their partitions',
  },
  {
    name: 'doubtful-join-forgotten',
    file: 'replication/leader/in-sync-set.ts',
    find: '    this.#doubted.add(nodeId)\n',
    replace: '',
    breaks: 'a node that may be in the set, or not, is waited for until it is known to be out',
  },
  {
    name: 'emptied-directory-left-in-the-set',
    file: 'replication/leader/leader.ts',
    find: "await this.#inSync.remove(replica, 'its directory is a new one')",
    replace: '',
    breaks: 'a directory that was emptied leaves the set before it is anything else',
  },
]

/** What a new leader and those who follow it make of their logs. */
const parting: readonly ClusterMutant[] = [
  {
    name: 'no-new-epoch',
    file: 'replication/node.ts',
    find: 'await Promise.all(logsOf(store).map((log) => log.beginEpoch(epoch)))',
    replace: '',
    breaks: 'where two logs part, their epochs say',
  },
  {
    name: 'cut-by-length',
    file: 'replication/follower/truncating.ts',
    find: '  let open = logs.map((log) => ({ log, epoch: log.leaderEpoch }))\n',
    replace: `  const ends = await leader.endOfEpochs(leaderEpoch, logs.map((log) => ({ ...placeOf(log), epoch: leaderEpoch })))
  for (const [i, log] of logs.entries()) {
    const end = Math.max(log.logStartOffset, ends[i].endOffset)
    if (end < log.logEndOffset) cuts.push({ ...placeOf(log), offset: end })
  }
  let open: { log: PartitionLog; epoch: number }[] = []
`,
    breaks: 'a returning node cuts its logs where they part from those of the leader, whatever their length',
  },
  {
    name: 'not-cut',
    file: 'replication/follower/truncating.ts',
    find: 'if (cuts.length > 0) await store.cutBack(cuts)',
    replace: '',
    breaks: 'a returning node takes off what its leader does not have',
  },
  {
    name: 'own-end-of-an-epoch-believed',
    file: 'replication/follower/truncating.ts',
    find: 'Math.min(endOffset, here.endOffset)',
    replace: 'here.endOffset',
    breaks: 'an epoch ends where it ends in the log of the leader',
  },
  {
    name: 'epochs-not-cut',
    file: 'storage/log/leader-epochs.ts',
    find: 'i === 0 || startOffset <= endOfLog',
    replace: 'i >= 0',
    breaks: 'epochs whose batches were cut off are forgotten with them',
  },
  {
    name: 'copied-epochs-not-noted',
    file: 'storage/log/copying.ts',
    find: 'await this.#target.noteEpoch(partitionLeaderEpoch, baseOffset)',
    replace: 'void partitionLeaderEpoch',
    breaks: 'a copy knows which epoch wrote what',
  },
  {
    name: 'groups-not-loaded-anew',
    file: 'broker/coordinated-broker.ts',
    find: 'const coordination = this.makeCoordination()',
    replace: 'const coordination = (this.#coordination ??= this.makeCoordination())',
    also: [
      {
        file: 'broker/coordinated-broker.ts',
        find: '    const before = this.#coordination\n    this.#coordination = undefined\n    await before?.close()\n',
        replace: '',
      },
    ],
    breaks: 'a new leader knows what groups committed, and transactions decided, under others',
  },
  {
    name: 'compacted-what-may-be-cut-off',
    file: 'storage/store-logs.ts',
    find: 'return held?.own === own ? held.lastStableOffset : own.lastStableOffset',
    replace: 'return held === undefined ? 0 : own.lastStableOffset',
    breaks: 'compaction drops no value for one that other copies lack',
  },
]

export const replicationMutants: readonly Mutant[] = [...acknowledging, ...fencing, ...counting, ...parting].map(
  (mutant) => ({ ...mutant, world: 'cluster' }),
)
