/** What a repair does to the files beside the messages: names, topics, epochs, checkpoints. */

import { dirname, join } from 'node:path'
import { checkpointFile, encodeOffsets, type PartitionOffset } from '../checkpoints.js'
import { metaEntries } from '../data-directory.js'
import type { Finding } from '../inspect/findings.js'
import { greatestGivenId, type VerifiedTarget } from '../inspect/verify.js'
import { encodeEpochs, encodeMetaProperties, encodePartitionMetadata } from '../segments/text-files.js'
import { TopicCatalog } from '../topic-catalog.js'
import type { RepairedLog } from './repair-log.js'
import type { RepairStep, RepairTools } from './step.js'

/** Files that belong to nobody here, and what recoveries have kept. Half-done replacements are the next start's work. */
export function planNames(findings: readonly Finding[], { quarantine }: RepairTools): RepairStep[] {
  return findings
    .filter(
      ({ code, what }) =>
        code === 'foreign-file' || code === 'set-aside' || (code === 'leftover' && what.includes('index')),
    )
    .map(({ path, what }) => ({
      kind: 'do',
      path,
      what: `move it aside: ${what}`,
      run: () => quarantine.take(path),
    }))
}

export function planMetadata(verified: VerifiedTarget, tools: RepairTools): RepairStep[] {
  const { findings, data } = verified
  const steps: RepairStep[] = []
  for (const finding of findings.all) {
    const { code, path, what, next } = finding
    if (path.endsWith('partition.metadata')) {
      const log = verified.log.partitions.find(({ directory }) => path === join(directory, 'partition.metadata'))
      const id = log?.request.topicId
      if (id !== undefined)
        steps.push(
          replaceStep(path, 'write the topic id that config/topics.json has', encodePartitionMetadata(id), tools),
        )
      else if (code !== 'metadata-missing') steps.push(asideStep(path, 'the next start writes it anew', tools))
      continue
    }
    if (path.endsWith('producer-ids.json')) continue
    if (path.endsWith('meta.properties') && code !== 'metadata-wrong') {
      const bytes = metaProperties(verified, tools)
      if (bytes !== undefined) steps.push(replaceStep(path, 'write it anew, as holdfast.json has it', bytes, tools))
      continue
    }
    if (code === 'metadata-unreadable') {
      const why = path.endsWith('topics.json')
        ? 'the next start finds the topics by their directories; their configuration is lost'
        : 'the next start writes it anew from what it knows elsewhere'
      const isKnown = /(topics\.json|holdfast\.json)$/.test(path)
      steps.push(isKnown ? asideStep(path, why, tools) : { kind: 'manual', path, what: `${what}: ${next}` })
    } else if (code === 'metadata-wrong' || code === 'directory-missing' || code === 'not-readable') {
      steps.push({ kind: 'manual', path, what: `${what}: ${next}` })
    }
  }
  return [...steps, ...planProducerIds(verified, data?.nextProducerId, tools)]
}

function metaProperties({ data }: VerifiedTarget, { clock, randomness }: RepairTools): Buffer | undefined {
  if (data?.clusterId === undefined || data.nodeId === undefined) return undefined
  const { clusterId, nodeId } = data
  return encodeMetaProperties(metaEntries(clusterId, nodeId, randomness), clock.now())
}

/** So many ids are skipped, in case that some were given away and never wrote anything. */
const skippedProducerIds = 10_000

function planProducerIds(
  { target, findings, log, store, data }: VerifiedTarget,
  next: number | undefined,
  tools: RepairTools,
): RepairStep[] {
  if (target.dataPath === undefined) return []
  const path = join(target.dataPath, 'config', 'producer-ids.json')
  if (!findings.has('producer-ids-wrong', path) && !findings.has('metadata-unreadable', path)) return []
  const nextProducerId = Math.max(next ?? 0, greatestGivenId(data, log, store) + 1 + skippedProducerIds)
  const bytes = Buffer.from(`${JSON.stringify({ version: 1, nextProducerId })}\n`)
  return [replaceStep(path, `let producer ids go on with ${nextProducerId}`, bytes, tools)]
}

export function planEpochs(
  logs: readonly RepairedLog[],
  findings: readonly Finding[],
  tools: RepairTools,
): RepairStep[] {
  return logs.flatMap(({ facts, firstBase = 0, isUndecided }) => {
    if (isUndecided) return []
    const path = join(facts.directory, 'leader-epoch-checkpoint')
    if (!findings.some((one) => one.path === path && one.code.startsWith('epochs-'))) return []
    const epochs = facts.epochsInLog.length > 0 ? facts.epochsInLog : [{ epoch: 0, startOffset: firstBase }]
    return [replaceStep(path, 'write the leader epochs anew, as the messages tell them', encodeEpochs(epochs), tools)]
  })
}

/** The offset checkpoints as a whole, where one of their lines is wrong or a log ends or begins elsewhere from now on. */
export function planCheckpoints(
  verified: VerifiedTarget,
  logs: readonly RepairedLog[],
  tools: RepairTools,
): RepairStep[] {
  const { log, findings, target } = verified
  const { recoveryPoint, logStart, highWatermark } = log.checkpoints
  const isChanged = logs.some(({ acceptsStart, acceptsEnd }) => acceptsStart || acceptsEnd)
  const isWrong = (name: string) =>
    findings.all.some(({ path, code }) => code.startsWith('checkpoint-') && path.endsWith(name))
  // With one partition alone the lines of the others are not known.
  if (target.only !== undefined && !isChanged) return []
  const rows = [
    {
      name: checkpointFile.recoveryPoint,
      stored: recoveryPoint,
      offsetOf: ({ endOffset, acceptsEnd }: RepairedLog, line = 0) =>
        log.clean || acceptsEnd ? endOffset : Math.min(line, endOffset),
    },
    {
      name: checkpointFile.highWatermark,
      stored: highWatermark,
      offsetOf: ({ endOffset, acceptsEnd }: RepairedLog, line = endOffset) =>
        log.clean || acceptsEnd ? endOffset : Math.min(line, endOffset),
    },
    {
      name: checkpointFile.logStart,
      stored: logStart,
      offsetOf: ({ firstBase = 0, endOffset, acceptsStart }: RepairedLog, line = firstBase) =>
        Math.min(acceptsStart ? firstBase : line, endOffset),
    },
  ]
  return rows.flatMap(({ name, stored, offsetOf }) => {
    if (!isChanged && !isWrong(name)) return []
    const repaired = logs.flatMap((one): PartitionOffset[] => {
      const { topic, partition, directory } = one.facts
      const line = stored?.get(directory.slice(log.logPath.length + 1))
      const offset = one.isUndecided ? line : offsetOf(one, line)
      return offset === undefined ? [] : [{ topic, partition, offset }]
    })
    const names = new Set(logs.map(({ facts }) => `${facts.topic}-${facts.partition}`))
    const others = target.only === undefined ? [] : linesBeside(stored, names)
    const path = join(log.logPath, name)
    return [
      replaceStep(
        path,
        'write it anew with where each log begins and ends',
        encodeOffsets([...others, ...repaired]),
        tools,
      ),
    ]
  })
}

function linesBeside(stored: ReadonlyMap<string, number> | undefined, names: ReadonlySet<string>): PartitionOffset[] {
  return [...(stored ?? [])]
    .filter(([name]) => !names.has(name))
    .map(([name, offset]) => {
      const cut = name.lastIndexOf('-')
      return { topic: name.slice(0, cut), partition: Number(name.slice(cut + 1)), offset }
    })
}

/** A log with a hole is read as one that compaction has worked on, from now on and for good. */
export function planHoles(verified: VerifiedTarget, logs: readonly RepairedLog[], { disk }: RepairTools): RepairStep[] {
  const { dataPath } = verified.target
  const topics = verified.data?.topics
  if (dataPath === undefined || topics === undefined) return []
  const configPath = join(dataPath, 'config')
  const holed = new Set(
    logs.filter(({ hasHole, facts }) => hasHole && !facts.request.mayHaveHoles).map(({ facts }) => facts.topic),
  )
  return topics
    .filter(({ name }) => holed.has(name))
    .map((topic) => ({
      kind: 'do',
      path: join(configPath, 'topics.json'),
      what: `note that offsets of topic ${topic.name} may be missing`,
      run: async () => (await TopicCatalog.load(disk, configPath)).put({ ...topic, compacted: true }),
    }))
}

function replaceStep(path: string, what: string, bytes: Buffer, { disk, quarantine }: RepairTools): RepairStep {
  return {
    kind: 'do',
    path,
    what,
    run: async () => {
      await quarantine.copy(path)
      // It may have been the last file of its directory when it was lost.
      await disk.makeDirectory(dirname(path))
      await disk.replaceFile(path, bytes)
    },
  }
}

function asideStep(path: string, why: string, { quarantine }: RepairTools): RepairStep {
  return { kind: 'do', path, what: `move it aside; ${why}`, run: () => quarantine.take(path) }
}
