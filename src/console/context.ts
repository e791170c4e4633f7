/** What every endpoint of the console stands on. */

import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { BrokerService } from '../broker/contract.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { Settings } from '../core/settings.js'
import type { DiskSpace } from '../files/disk.js'
import type { RecoveryReport } from '../storage/recovery.js'
import type { StoredLogs } from '../storage/stored-logs.js'
import type { EventStreams } from './event-streams.js'
import type { FlushTrail } from './flush-trail.js'
import type { MetricsText, Monitor } from './monitor.js'
import type { QueryLimits } from './query-limits.js'
import type { Verification } from './verification.js'

/** A broker in this process, with what it has to say about itself. */
export interface ConsoleBroker extends BrokerService {
  readonly clusterId: string
  readonly nodeId: number
  readonly settings: Settings
  readonly recovery: RecoveryReport
  readonly stored: StoredLogs
  logDirectory(): Promise<{ readonly path: string; readonly space: DiskSpace | undefined }>
}

export interface ConsoleTools {
  readonly broker: ConsoleBroker
  readonly clock: Clock
  readonly logger: Logger
  readonly version: string
  readonly startedAtMs: number
  /** `host:port` of the Kafka protocol. */
  readonly kafkaAddress: string
  readonly monitor: Monitor
  readonly metrics: MetricsText
  readonly streams: EventStreams
  readonly limits: QueryLimits
  readonly flushes: FlushTrail
  readonly verification: Verification
}

/** How Hono hands on Node's request and response. */
export interface ConsoleEnvironment {
  Bindings: HttpBindings
}

export type ConsoleApp = Hono<ConsoleEnvironment>
export type ConsoleContext = Context<ConsoleEnvironment>
