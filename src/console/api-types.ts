/**
 * What the console's HTTP API says and takes: the one contract between the server (`src/console/`) and its pages
 * (`console/`). Types only. Times are ms since 1970, sizes bytes, rates per second. Every list is bounded, and says how much
 * there is in all. Errors: status 4xx or 5xx with an {@link ApiError}.
 *
 *   GET    /api/overview                          Overview
 *   GET    /api/live                              server-sent events: `tick` (LiveTick, one a second), `advice` (Advice[])
 *   GET    /api/history?seconds=600               History
 *   GET    /api/advice                            Advice[]
 *   GET    /api/topics?search=&offset=&limit=     Page<TopicRow>
 *   POST   /api/topics                            NewTopic → TopicDetail
 *   GET    /api/topics/:topic                     TopicDetail
 *   PATCH  /api/topics/:topic/config              ConfigChange → TopicDetail
 *   POST   /api/topics/:topic/partitions          { partitions } → TopicDetail
 *   DELETE /api/topics/:topic                     204
 *   GET    /api/topics/:topic/messages?…          MessagePage; see MessageQuery
 *   GET    /api/topics/:topic/tail?partition=&tags=   server-sent events: `message` (BrowsedMessage), `dropped` ({ count })
 *   POST   /api/topics/:topic/messages            NewMessage → { partition, offset, timestamp }
 *   GET    /api/groups?search=&offset=&limit=     Page<GroupRow>
 *   GET    /api/groups/:group                     GroupDetail
 *   POST   /api/groups/:group/reset               OffsetReset → OffsetResetRow[]; `preview: true` changes nothing
 *   DELETE /api/groups/:group                     204
 *   GET    /api/storage                           StorageOverview
 *   GET    /api/storage/:topic/:partition         StoredLog
 *   GET    /api/storage/commitlog                 StoredLog
 *   GET    /api/reports                           Reports
 *   POST   /api/verify                            starts a verification where one can run; Reports
 *   GET    /api/settings                          SettingRow[]
 *   GET    /api/trace?topic=&partition=&offset= | &key= | &id=    Trail
 *   GET    /api/session                           Session; never refused, so that pages know whether to ask for a token
 *   POST   /api/session                           { token } → Session, with a cookie that scripts cannot read; 401
 *   DELETE /api/session                           204, forgets the cookie
 *   GET    /metrics, /health, /health/ready       outside of this contract
 *
 * Whatever is not a GET carries the header `x-holdfast-console: 1` (which no form and no other site can send), and a body
 * of JSON. Where a token is demanded and not given, the answer is 401 with the code TOKEN_REQUIRED; event streams go by
 * the cookie. An ApiError has a code of `src/core/errors.ts`, or of the console's own: TOKEN_REQUIRED, FORBIDDEN_HOST,
 * FORBIDDEN_ORIGIN, NOT_FOUND, METHOD_NOT_ALLOWED, BODY_TOO_LARGE, TOO_MANY_REQUESTS, TOO_MANY_STREAMS, TIMED_OUT.
 */

export interface Session {
  readonly tokenRequired: boolean
  readonly signedIn: boolean
}

export interface ApiError {
  readonly code: string
  readonly message: string
}

export interface Page<T> {
  readonly total: number
  readonly offset: number
  readonly rows: readonly T[]
}

export interface DiskFigures {
  readonly path: string
  readonly totalBytes: number
  readonly freeBytes: number
  readonly usedRatio: number
  readonly storeBytes: number
  readonly growthBytesPerHour: number
  /** When the disk is full at this growth; null where that is not foreseeable. */
  readonly fullAtMs: number | null
}

export interface Percentiles {
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** One second of the broker's life. */
export interface LiveTick {
  readonly timeMs: number
  readonly messagesInPerSecond: number
  readonly bytesInPerSecond: number
  readonly messagesOutPerSecond: number
  readonly bytesOutPerSecond: number
  readonly flushesPerSecond: number
  /** Of the second; null where nothing was flushed. */
  readonly messagesPerFlush: number | null
  readonly flush: Percentiles
  readonly append: Percentiles
  readonly fetch: Percentiles
  readonly waitingAppends: number
  readonly connections: number
  readonly eventLoopDelayMs: number
  readonly residentBytes: number
  readonly heapBytes: number
  readonly openFiles: number | null
  readonly refusedPerSecond: number
  readonly diskUsedRatio: number
  readonly diskFreeBytes: number
}

export interface History {
  readonly ticks: readonly LiveTick[]
}

export type Severity = 'critical' | 'warning' | 'note'

/** What is wrong, how that is known, and what to do. */
export interface Advice {
  /** Stable, e.g. "disk-full-soon". */
  readonly rule: string
  readonly severity: Severity
  readonly title: string
  /** The figure and its threshold, in words. */
  readonly evidence: string
  readonly remedy: string
  /** A setting to write, where one helps. */
  readonly setting?: { readonly name: string; readonly value: string }
  /** What it is about, e.g. a topic or a group. */
  readonly subject?: string
  readonly sinceMs: number
}

export interface Overview {
  readonly version: string
  readonly clusterId: string
  readonly nodeId: number
  readonly startedAtMs: number
  readonly kafkaAddress: string
  readonly flushPolicy: string
  readonly topics: number
  readonly partitions: number
  readonly groups: number
  readonly failedPartitions: readonly { readonly topic: string; readonly partition: number; readonly why: string }[]
  readonly disk: DiskFigures
  readonly now: LiveTick | null
  readonly advice: readonly Advice[]
}

export type Layout = 'segments' | 'commitlog'

export interface TopicRow {
  readonly name: string
  readonly internal: boolean
  readonly layout: Layout
  readonly partitions: number
  /** Offsets between the start and the high watermark, of all partitions. */
  readonly messages: number
  readonly sizeInBytes: number
  readonly cleanupPolicy: string
  readonly failed: boolean
}

export interface PartitionRow {
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly durableOffset: number
  readonly logEndOffset: number
  readonly sizeInBytes: number
  readonly failure: string | null
}

export interface ConfigRow {
  readonly name: string
  readonly value: string
  readonly origin: 'topic' | 'altered' | 'broker' | 'default'
  readonly type: string
  readonly help: string
  readonly readOnly: boolean
  readonly min?: number
  readonly max?: number
  readonly values?: readonly string[]
}

export interface TopicDetail extends TopicRow {
  readonly id: string
  /** Bounded; `partitions` says how many there are. */
  readonly partitionRows: readonly PartitionRow[]
  readonly config: readonly ConfigRow[]
  readonly groups: readonly string[]
}

export interface NewTopic {
  readonly name: string
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string>>
}

/** null takes an entry away; `preview` only checks. */
export interface ConfigChange {
  readonly config: Readonly<Record<string, string | null>>
  readonly preview?: boolean
}

/** As query parameters. */
export interface MessageQuery {
  /** All partitions where absent. */
  readonly partition?: number
  /** Where to begin: one of these; the newest messages where none is given. */
  readonly offset?: number
  readonly time?: number
  readonly key?: string
  readonly id?: string
  readonly tags?: string
  /** 50 where absent, 500 at most. */
  readonly limit?: number
}

/** Bytes as the browser shows them: text where they are UTF-8, base64 in any case; cut at a limit. */
export interface ShownBytes {
  readonly text: string | null
  readonly base64: string
  readonly sizeInBytes: number
  readonly cut: boolean
}

export interface BrowsedMessage {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: ShownBytes | null
  readonly value: ShownBytes | null
  readonly headers: readonly { readonly key: string; readonly value: ShownBytes | null }[]
  readonly id: string | null
  readonly tags: string | null
}

export interface MessagePage {
  readonly messages: readonly BrowsedMessage[]
  /** Of each partition that was read: where to go on, backwards and forwards. */
  readonly positions: readonly {
    readonly partition: number
    readonly first: number
    readonly next: number
    readonly end: number
  }[]
}

export interface NewMessage {
  readonly key?: string | null
  readonly value?: string | null
  /** How key and value are written. */
  readonly encoding?: 'text' | 'base64'
  readonly headers?: readonly { readonly key: string; readonly value: string | null }[]
  readonly id?: string
  readonly tags?: string
  readonly keys?: readonly string[]
  readonly partition?: number
}

export interface GroupRow {
  readonly id: string
  readonly state: string
  readonly members: number
  readonly topics: readonly string[]
  readonly lag: number
}

export interface GroupDetail extends GroupRow {
  readonly protocol: string
  readonly memberRows: readonly {
    readonly id: string
    readonly clientId: string
    readonly host: string
    readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  }[]
  readonly offsets: readonly {
    readonly topic: string
    readonly partition: number
    readonly committed: number
    readonly highWatermark: number
    readonly lag: number
  }[]
  /** Total lag, oldest first. */
  readonly lagOverTime: readonly { readonly timeMs: number; readonly lag: number }[]
}

export interface OffsetReset {
  readonly topic: string
  readonly partition?: number
  readonly to: { readonly offset: number } | { readonly time: number } | 'earliest' | 'latest'
  readonly preview: boolean
}

export interface OffsetResetRow {
  readonly topic: string
  readonly partition: number
  readonly from: number | null
  readonly to: number
}

/** One file of a log, to be drawn to scale. */
export interface StoredFile {
  readonly name: string
  /** Offset of its first message, or position in the commit log. */
  readonly base: number
  readonly sizeInBytes: number
  readonly writtenBytes: number
  /** Up to here it is on stable storage. */
  readonly durableBytes: number
  /** Of `writtenBytes`, in the page cache as far as that is known. */
  readonly cachedBytes: number | null
  readonly state: 'active' | 'sealed' | 'spare'
  /** Readers may map it now. */
  readonly mapped: boolean
  readonly compactable: boolean
  /** Removed by retention, or recycled, at this time at the earliest; null where that is not foreseen. */
  readonly removableAtMs: number | null
  readonly firstTimestamp: number | null
  readonly lastTimestamp: number | null
}

export interface StoredLog {
  readonly layout: Layout
  readonly directory: string
  readonly topic: string | null
  readonly partition: number | null
  /** The newest, in the order of their bases. */
  readonly files: readonly StoredFile[]
  readonly totalFiles: number
  readonly indexBytes: number
  /** The latest flushes, oldest first. */
  readonly flushes: readonly {
    readonly timeMs: number
    readonly durationMs: number
    readonly messages: number
    readonly bytes: number
  }[]
}

export interface StorageOverview {
  readonly disk: DiskFigures
  readonly logs: readonly {
    readonly layout: Layout
    readonly topic: string | null
    readonly partition: number | null
    readonly files: number
    readonly sizeInBytes: number
  }[]
  readonly totalLogs: number
}

export interface Reports {
  /** What the last start found and did. */
  readonly recovery: Readonly<Record<string, unknown>>
  readonly verification: {
    readonly startedAtMs: number
    readonly endedAtMs: number | null
    readonly findings: readonly string[]
    readonly sound: boolean | null
  } | null
}

export interface SettingRow {
  readonly name: string
  readonly value: string
  readonly default: string
  /** E.g. "default", "profile fast", "file holdfast.properties line 3", "environment", "flag". */
  readonly origin: string
  readonly type: string
  readonly unit?: string
  readonly help: string
  readonly topicName?: string
  /** Whether topics may change it while they are open. */
  readonly atRunTime: boolean
}

/** What became of one message. */
export interface Trail {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly message: BrowsedMessage
  readonly place: {
    readonly layout: Layout
    readonly file: string
    /** Of the batch, or of the message itself in a commit log. */
    readonly position: number
    readonly sizeInBytes: number
    readonly batch: {
      readonly baseOffset: number
      readonly lastOffset: number
      readonly codec: string
      readonly producerId: number | null
      readonly producerEpoch: number | null
      readonly transactional: boolean
    }
  }
  readonly messageId: string | null
  readonly durable: boolean
  /** The flush that covered it, where it is still remembered. */
  readonly flush: { readonly timeMs: number; readonly durationMs: number; readonly messages: number } | null
  readonly committedState: 'committed' | 'open' | 'aborted'
  readonly groups: readonly { readonly id: string; readonly committed: number; readonly hasPassed: boolean }[]
  /** Copies of it on other machines. */
  readonly replicas: number
  /** When retention may remove it at the earliest; null where that is not foreseen. */
  readonly removableAtMs: number | null
}
