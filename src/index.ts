/**
 * Holdfast as a library: a durable message queue in one folder.
 *
 *     import { open } from 'holdfast'
 *
 *     await using mq = await open('./data')
 *     await mq.send('orders', { key: 'o-1', value: 'hello' })
 *     for await (const message of mq.consume('orders', { group: 'billing' })) await message.ack()
 */

export type { Isolation, MessagePlace, PartitionDescription, TopicPartition } from './broker/contract.js'
export type { GroupListing, GroupState } from './broker/groups/contract.js'
export type { AssignorName } from './client/assignors.js'
export type {
  GroupDetails,
  GroupMemberDetails,
  GroupOffset,
  GroupsClient,
} from './client/groups.js'
export type { BytesInput, HeadersInput, Message, MessageInput, Receipt } from './client/message.js'
export type { MessageStream } from './client/message-stream.js'
export type {
  AtOptions,
  ConsumeOptions,
  FindBound,
  FindOptions,
  FindTarget,
  GetTarget,
  GroupConsumeOptions,
  OffsetConsumeOptions,
  Queue,
  ReadOptions,
  SendOptions,
  StartPosition,
} from './client/queue.js'
export { restore } from './client/restore.js'
export { SendManyError, type SendOutcome } from './client/sending.js'
export type {
  AlterTopicOptions,
  CreateTopicOptions,
  TopicDetails,
  TopicSummary,
  TopicsClient,
} from './client/topics.js'
export type { Transaction, TransactionOptions } from './client/transaction.js'
export { type ErrorCode, errorTable, HoldfastError } from './core/errors.js'
export type { Logger } from './core/logger.js'
export type { HistogramFigures } from './core/metrics/cells.js'
export type { PrometheusRegistry } from './core/metrics/registry.js'
export type { MetricsSnapshot } from './core/metrics/snapshot.js'
export type { SettingName, SettingsInput } from './core/settings.js'
export { type OpenOptions, open } from './open.js'
export type { Codec } from './records/format.js'
export type { Header } from './records/record.js'
export type { BackupProgress } from './storage/backup/file-copies.js'
export type { RestoreReport } from './storage/backup/restore.js'
export type { BackupOptions, BackupReport } from './storage/backup/store-backup.js'
export type { CompactedPartition } from './storage/log-cleaner.js'
