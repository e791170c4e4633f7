/** After a start, with nobody at work: everything that can be read is held against what was promised. */

import { transactionalIds } from './actors/transactions.js'
import type { TopicModel } from './model.js'
import { readWhole } from './reading.js'
import { answerOf, type Scene } from './scene.js'
import { holds } from './violation.js'

export async function compare(scene: Scene): Promise<void> {
  await compareTopics(scene)
  await endTransactions(scene)
  const shown: Shown = new Map()
  for (const topic of scene.model.topics) if (topic.state === 'present') await comparePartitions(scene, topic, shown)
  compareTransactions(scene, shown)
  await compareGroups(scene)
}

/** What readers of committed records are shown of each partition that is not compacted: from where on, and which attempts. */
type Shown = Map<object, { readonly start: number; readonly visible: ReadonlySet<string> }>

/** What was created is there, what was deleted is not, and no log is closed. */
async function compareTopics({ broker, model }: Scene): Promise<void> {
  const there = new Map((await broker.describeTopics(null)).map((topic) => [topic.name, topic]))
  for (const topic of model.topics) {
    const found = there.get(topic.name)
    if (topic.state === 'maybe') topic.state = found === undefined ? 'gone' : 'present'
    const present = topic.state === 'present'
    holds(
      present === (found !== undefined),
      'a topic is what was confirmed',
      () => `${topic.name} is not ${topic.state}`,
    )
    if (found === undefined) continue
    const { length } = found.partitions
    holds(
      length >= topic.partitions.length,
      'a topic is what was confirmed',
      () => `${topic.name} has ${length} partitions of ${topic.partitions.length}`,
    )
    const config = new Map((await broker.describeConfig(topic.name)).map(({ name, value }) => [name, value]))
    for (const [name, value] of Object.entries(topic.config))
      holds(
        config.get(name) === value,
        'a topic is what was confirmed',
        () => `${topic.name} has ${name}=${config.get(name)}, and not ${value}`,
      )
  }
  for (const { name, partitions } of there.values())
    for (const { partition, failure } of partitions)
      holds(failure === undefined, 'a start mends every log', () => `${name}-${partition}: ${failure?.message}`)
}

/** A producer that comes back ends what its former self left open. */
async function endTransactions({ broker, scheduler }: Scene): Promise<void> {
  for (const transactionalId of transactionalIds) {
    for (let attempts = 0; ; attempts++) {
      const request = { transactionalId, producerId: -1, producerEpoch: -1, transactionTimeoutMs: 60_000 }
      const { error } = await answerOf(broker.initProducer(request))
      if (error === undefined) break
      holds(error.retriable && attempts < 200, 'a producer can come back', () => `${transactionalId}: ${error.message}`)
      await scheduler.sleep(100)
    }
  }
}

async function comparePartitions({ broker, scheduler }: Scene, topic: TopicModel, shown: Shown): Promise<void> {
  const { config, isCompacted: compacted } = topic
  const keeping = {
    compacted,
    retentionMs: config['retention.ms'] === undefined ? undefined : Number(config['retention.ms']),
    bySize: config['retention.bytes'] !== undefined,
  }
  for (const [partition, target] of topic.partitions.entries()) {
    const place = { topic: topic.name, partition }
    const whole = await readWhole(broker, place, 'uncommitted')
    const committed = await readWhole(broker, place, 'committed')
    target.check(whole.found, whole.start, whole.end, { ...keeping, nowMs: scheduler.now() })
    holds(
      committed.end >= whole.end,
      'what was decided is visible',
      () => `${target.name} has an undecided transaction: ${committed.end} of ${whole.end}`,
    )
    const visible = new Set<string>()
    for (const found of committed.found) {
      const attempt = target.seenCommitted(found)
      if (attempt === undefined) continue
      visible.add(attempt.id)
      attempt.transaction.outcome = 'committed'
    }
    if (!compacted) shown.set(target, { start: committed.start, visible })
    for (const attempt of target.attempts.values()) {
      const { transaction, baseOffset } = attempt
      if (transaction === undefined || baseOffset === undefined || visible.has(attempt.id)) continue
      if (compacted || baseOffset < committed.start || !target.certain.has(baseOffset)) continue
      holds(
        transaction.outcome !== 'committed',
        'a transaction is whole',
        () => `${target.name}: ${attempt.id} of ${transaction.name}, which is committed, is not visible`,
      )
      transaction.outcome = 'aborted'
    }
  }
}

/**
 * A commit flushes all that was written in it, whatever the policy. So what was acknowledged from the page cache alone, which
 * the loss of power may take, is there where its transaction turns out committed, answered or not.
 */
function compareTransactions({ model }: Scene, shown: Shown): void {
  for (const { name, outcome, written } of model.transactions) {
    if (outcome !== 'committed') continue
    for (const { partition, attempt, baseOffset } of written) {
      const found = shown.get(partition)
      if (found === undefined || baseOffset < found.start) continue
      holds(
        found.visible.has(attempt.id),
        'a transaction is whole',
        () =>
          `${partition.name}: ${attempt.id} of ${name}, which is committed, was acknowledged at ${baseOffset} and is gone`,
      )
    }
  }
}

async function compareGroups({ broker, model }: Scene): Promise<void> {
  for (const { group, topic, partition } of model.groups.keys) {
    const fetched = await fetchPatiently({ broker }, group, { topic, partition })
    model.groups.check({ group, topic, partition }, fetched)
  }
}

async function fetchPatiently(
  { broker }: Pick<Scene, 'broker'>,
  group: string,
  place: { topic: string; partition: number },
): Promise<number | undefined> {
  const fetched = await broker.fetchOffsets(group, [place])
  const [found] = fetched
  if (found?.error !== undefined) throw found.error
  return found === undefined || found.offset < 0 ? undefined : found.offset
}
