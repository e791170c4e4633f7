/**
 * Every metric, in one table: name, kind, unit, help, labels, buckets. The registry, its text for Prometheus, snapshots and
 * docs/metrics.md all read this table; what is not in it cannot be counted.
 *
 * Names follow the conventions of Prometheus: base units, `_total` for counters. No label takes a value that senders choose
 * freely but `topic`, `partition` and `group`, and of those so many series are given as {@link mostSeries} says; what is
 * beyond it is summed under {@link othersLabel}.
 */

import { countBuckets, counter, gauge, histogram, latencyBuckets, type MetricRow } from './rows.js'

/** So many partitions, and groups with their topics, have series of their own. */
export const mostSeries = 1000
export const othersLabel = '(others)'

export const metricsTable = {
  mq_flush_duration_seconds: histogram(
    'seconds',
    latencyBuckets,
    'From the beginning of a flush, which writes what has gathered and makes it durable, until the disk has answered. Under ASYNC_FLUSH it is the sync behind the writer.',
    ['policy', 'layout'],
  ),
  mq_flush_total: counter('1', 'Flushes, by how they ended: ok or failed.', ['layout', 'result']),
  mq_messages_per_flush: histogram('messages', countBuckets, 'Messages that one flush made durable.', [
    'policy',
    'layout',
  ]),
  mq_waiting_appends: gauge('1', 'Appends (batches) that wait for their flush.', ['layout']),

  mq_io_bytes_total: counter(
    'bytes',
    'Bytes read from and written to files by calls, by kind of file. What is read through a mapping goes by no call.',
    ['direction', 'kind'],
  ),
  mq_io_duration_seconds: histogram(
    'seconds',
    latencyBuckets,
    'One call to the disk: read, write (with its sync where the file is opened so), sync, prepare, copy, replace.',
    ['operation', 'kind'],
  ),
  mq_io_errors_total: counter('1', 'Calls to the disk that failed.', ['operation', 'kind']),
  mq_mapped_bytes: gauge('bytes', 'Bytes of files that are mapped into memory for reading.'),
  mq_disk_usage_ratio: gauge('ratio', 'How full the file system is that holds the logs: 0 to 1.'),
  mq_disk_free_bytes: gauge('bytes', 'What this process may still write on that file system.'),
  mq_disk_size_bytes: gauge('bytes', 'What that file system holds in all.'),
  mq_store_size_bytes: gauge('bytes', 'What the logs hold, without indexes and prepared files.', ['layout']),
  mq_store_hourly_growth_bytes: gauge(
    'bytes',
    'By how much the logs grow in an hour, as over the last hour or since the start; negative where they shrink.',
  ),
  mq_index_size_bytes: gauge('bytes', 'What lies in index files, by kind; looked at once a minute.', ['kind']),

  mq_appended_messages_total: counter('messages', 'Messages that were acknowledged.'),
  mq_appended_batches_total: counter('1', 'Record batches that were acknowledged.'),
  mq_appended_bytes_total: counter('bytes', 'Bytes of the record batches that were acknowledged.'),
  mq_append_duration_seconds: histogram(
    'seconds',
    latencyBuckets,
    'From the arrival of a batch at the broker until it is acknowledged, end to end.',
  ),
  mq_fetched_messages_total: counter('messages', 'Messages in the batches that were given to readers.'),
  mq_fetched_bytes_total: counter('bytes', 'Bytes of the batches that were given to readers.'),
  mq_fetch_duration_seconds: histogram(
    'seconds',
    latencyBuckets,
    'From the arrival of a fetch at the broker until its answer: immediate, or waited where it waited for messages to come.',
    ['outcome'],
  ),
  mq_refused_requests_total: counter(
    '1',
    'Requests, or parts of one about a partition, that were refused, by error code.',
    ['error'],
  ),
  mq_requests_total: counter('1', 'Requests of the Kafka protocol that were taken.', ['api']),
  mq_connections: gauge('1', 'Open connections of the Kafka protocol.'),
  mq_connections_opened_total: counter('1', 'Connections of the Kafka protocol that were taken.'),

  mq_topics: gauge('1', 'Topics.'),
  mq_partitions: gauge('1', 'Partitions.'),
  mq_failed_partitions: gauge('1', 'Partitions that refuse appends since their log failed or is damaged.'),
  mq_damaged_partitions: gauge('1', 'Partitions in which a start or a reader has met damage.'),
  mq_log_start_offset: gauge('offset', 'First offset that can be read.', ['topic', 'partition']),
  mq_log_end_offset: gauge('offset', 'Offset that the next message gets.', ['topic', 'partition']),
  mq_log_durable_offset: gauge('offset', 'What lies below is on stable storage.', ['topic', 'partition']),
  mq_log_undurable_messages: gauge(
    'messages',
    'The gap between the two: messages that a crash of the machine could take.',
    ['topic', 'partition'],
  ),
  mq_consumer_lag: gauge('messages', 'Messages of a topic that a group has not committed yet, over its partitions.', [
    'group',
    'topic',
  ]),
  mq_consumer_group_members: gauge('1', 'Members of a group.', ['group']),
  mq_consumer_groups: gauge('1', 'Groups, by state.', ['state']),
  mq_rebalances_total: counter('1', 'Rebalances of groups that were completed.'),

  mq_replication_leader: gauge(
    '1',
    '1 where this node leads and answers clients, 0 where it follows. With replication alone, as those below.',
  ),
  mq_replication_epoch: gauge('1', 'The leader epoch that this node knows of.'),
  mq_replication_in_sync_replicas: gauge('1', 'Nodes in the in-sync set, the leader among them.'),
  mq_replication_replicas: gauge('1', 'Nodes that were heard of lately, this one among them.'),
  mq_replica_in_sync: gauge('1', 'At the leader: 1 where the replica is in the in-sync set, 0 where it is not.', [
    'replica',
  ]),
  mq_replica_lag_messages: gauge('messages', 'At the leader: messages that the replica lacks, over all partitions.', [
    'replica',
  ]),
  mq_replica_lag_seconds: gauge(
    'seconds',
    'At the leader: for how long the replica has not been heard of, or has not been caught up.',
    ['replica'],
  ),

  mq_recovery_duration_seconds: gauge(
    'seconds',
    'How long the last opening of the store took to open and recover its logs.',
  ),
  mq_recovery_bytes: gauge('bytes', 'What that opening scanned, and what it cut as torn.', ['action']),
  mq_compaction_runs_total: counter('1', 'Cleanings of a partition by compaction, by how they ended: ok or failed.', [
    'result',
  ]),
  mq_compaction_bytes_total: counter('bytes', 'Bytes that compaction has read and written.', ['direction']),
  mq_retention_removed_bytes_total: counter('bytes', 'Bytes of old messages that retention removed.', ['layout']),
  mq_chore_duration_seconds: histogram(
    'seconds',
    [0.001, 0.01, 0.1, 1, 10, 60, 600],
    'Work that the store does by itself from time to time, by its name.',
    ['chore'],
  ),
  mq_chore_failures_total: counter('1', 'Such work that failed; it is tried again at its next time.', ['chore']),

  mq_event_loop_delay_seconds: histogram(
    'seconds',
    latencyBuckets,
    'How much later than it was due a timer of this process ran, looked at ten times a second.',
  ),
  mq_event_loop_active_seconds_total: counter('seconds', 'How long the event loop was not idle.'),
  mq_cpu_seconds_total: counter('seconds', 'CPU time of this process, all threads.', ['mode']),
  mq_memory_bytes: gauge('bytes', 'Memory of this process: resident, heap, external, buffers.', ['kind']),
  mq_open_files: gauge('1', 'Descriptors that this process has open, where the platform tells.'),
  mq_durable_calls_waiting: gauge('1', 'Durable writes and syncs that wait for a thread of the pool.'),
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof metricsTable

export type NamesOf<Kind extends MetricRow['kind']> = {
  [Name in MetricName]: (typeof metricsTable)[Name]['kind'] extends Kind ? Name : never
}[MetricName]

/** A value for each label of the row, which has none where this is empty. */
export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof metricsTable)[Name]['labels'][number], string>>

export const metricNames = Object.keys(metricsTable) as MetricName[]
