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
]

export const replicationMutants: readonly Mutant[] = [...acknowledging, ...fencing, ...counting, ...parting].map(
  (mutant) => ({ ...mutant, world: 'cluster' }),
)
