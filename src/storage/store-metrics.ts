/** What is counted of a store is counted where it happens; here is what it tells when somebody looks: sizes, offsets, the disk. */

import { type RecoveryEvent, recoveryChannel } from '../core/channels.js'
import type { Clock } from '../core/clock.js'
import type { Figures, Metrics } from '../core/metrics/metrics.js'
import { mostSeries, othersLabel } from '../core/metrics/table.js'
import type { Disk } from '../files/disk.js'
import { measured } from '../files/measured-disk.js'
import { watchProcess } from '../files/process-metrics.js'
import type { Chore } from './chores.js'
import { kindsIn } from './file-kinds.js'
import { Growth } from './growth.js'
import { IndexSizes } from './index-sizes.js'
import { indexPathOf } from './key-indexes.js'
import type { PartitionLog } from './partition-log.js'
import type { RecoveryReport } from './recovery.js'
import { storePathOf } from './store-places.js'
import type { Topic } from './topic-catalog.js'

export interface MeasuredStore {
  readonly metrics: Metrics
  readonly clock: Clock
  readonly disk: Disk
  /** Of the data directory. */
  readonly path: string
  readonly logPath: string
  topics(): readonly Topic[]
  log(topic: string, partition: number): PartitionLog | undefined
  /** Of the commit log; 0 where there is none. */
  commitLogBytes(): Promise<number>
  mappedBytes(): number
  /** Has something done from time to time. */
  addChore(chore: Chore): void
  /** Undefined while it is being opened. */
  recovery(): RecoveryReport | undefined
}

/** The disk of a store, its calls counted by kind of file where somebody counts. */
export function measuredDisk(tools: Pick<MeasuredStore, 'disk' | 'metrics' | 'clock'>, dataPath: string): Disk {
  return measured(tools.disk, tools.metrics, tools.clock, kindsOf(dataPath))
}

/** Tells whoever listens what the opening did. */
export function announceRecovery(path: string, report: RecoveryReport): void {
  if (!recoveryChannel.hasSubscribers) return
  const { clean, scannedBytes, cutBytes, damagedLogs, durationMs } = report
  const event: RecoveryEvent = { path, clean, scannedBytes, cutBytes, damagedLogs, durationMs }
  recoveryChannel.publish(event)
}

function kindsOf(dataPath: string): (path: string) => string {
  return kindsIn({ keyIndexes: indexPathOf(dataPath), commitLogStore: storePathOf(dataPath) })
}

/** Tells until the returned call. */
export function watchStore(store: MeasuredStore): () => void {
  const { metrics, clock, disk, path, logPath } = store
  if (!metrics.isOn) return () => {}
  const growth = new Growth()
  const isInside = logPath.startsWith(path)
  const indexes = new IndexSizes(disk, isInside ? [path] : [path, logPath], kindsOf(path))
  store.addChore(indexes.chore())
  const stops = [
    watchProcess(metrics, clock),
    metrics.collect((figures) => tellDisk(store, figures)),
    metrics.collect((figures) => tellRecovery(store.recovery(), figures)),
    metrics.collect(async (figures) => {
      const inSegments = tellLogs(store, figures)
      const inCommitLog = await store.commitLogBytes()
      figures.put('mq_store_size_bytes', inSegments, { layout: 'segments' })
      figures.put('mq_store_size_bytes', inCommitLog, { layout: 'commitlog' })
      const grown = growth.note(inSegments + inCommitLog, clock.monotonic())
      if (grown !== undefined) figures.put('mq_store_hourly_growth_bytes', grown, {})
      figures.put('mq_mapped_bytes', store.mappedBytes(), {})
      for (const [kind, bytes] of indexes.byKind) figures.put('mq_index_size_bytes', bytes, { kind })
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

async function tellDisk({ disk, logPath }: MeasuredStore, figures: Figures): Promise<void> {
  const space = await disk.space(logPath)
  if (space === undefined || space.totalBytes === 0) return
  figures.put('mq_disk_free_bytes', space.freeBytes, {})
  figures.put('mq_disk_size_bytes', space.totalBytes, {})
  figures.put('mq_disk_usage_ratio', 1 - space.freeBytes / space.totalBytes, {})
}

/** Returns the bytes of the logs that lie in segments. */
function tellLogs(store: MeasuredStore, figures: Figures): number {
  const topics = store.topics()
  let partitions = 0
  let failed = 0
  let damaged = 0
  let bytesInSegments = 0
  for (const { name, partitions: count, layout } of topics) {
    for (let partition = 0; partition < count; partition++) {
      const log = store.log(name, partition)
      if (log === undefined) continue
      const isOwn = partitions++ < mostSeries
      tellOffsets(log, isOwn ? { topic: name, partition: String(partition) } : others, figures)
      if (log.failure !== undefined) failed++
      if (log.damage !== undefined) damaged++
      if (layout === undefined) bytesInSegments += log.sizeInBytes
    }
  }
  figures.put('mq_topics', topics.length, {})
  figures.put('mq_partitions', partitions, {})
  figures.put('mq_failed_partitions', failed, {})
  figures.put('mq_damaged_partitions', damaged, {})
  return bytesInSegments
}

const others = { topic: othersLabel, partition: othersLabel }

function tellOffsets(log: PartitionLog, labels: typeof others, figures: Figures): void {
  const { logStartOffset, logEndOffset, durableOffset } = log
  figures.put('mq_log_start_offset', logStartOffset, labels)
  figures.put('mq_log_end_offset', logEndOffset, labels)
  figures.put('mq_log_durable_offset', durableOffset, labels)
  figures.put('mq_log_undurable_messages', Math.max(0, logEndOffset - durableOffset), labels)
}

function tellRecovery(recovery: RecoveryReport | undefined, figures: Figures): void {
  if (recovery === undefined) return
  figures.put('mq_recovery_duration_seconds', recovery.durationMs / 1000, {})
  figures.put('mq_recovery_bytes', recovery.scannedBytes, { action: 'scanned' })
  figures.put('mq_recovery_bytes', recovery.cutBytes, { action: 'cut' })
}
