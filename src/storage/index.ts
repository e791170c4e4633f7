/** `holdfast/storage`: the engine by itself, for programs that need a durable log and no queue. */

export { batchesIn, RecordBatch } from '../records/batch.js'
export { buildBatch } from '../records/builder.js'
export { readRecords } from '../records/reader.js'
export type { RecordInput, StoredRecord } from '../records/record.js'
export { MessageStore, type NewTopic, type StoreOptions } from './message-store.js'
export type { AppendReceipt, LogSlice, PartitionLog, TimestampedOffset } from './partition-log.js'
export type { LogRecovery, RecoveryProgress, RecoveryReport } from './recovery.js'
export type { Topic } from './topic-catalog.js'
