/**
 * What happens, told to whoever listens, by Node's `diagnostics_channel`. An event is only made where `hasSubscribers` says
 * that somebody listens, so that it costs one look at a field. Listeners are called at once, in the middle of the work: what
 * they throw goes to the process, and what they do for long is waited for.
 */

import { channel } from 'node:diagnostics_channel'
import type { HoldfastError } from './errors.js'

export interface EventChannel<Event> {
  readonly hasSubscribers: boolean
  publish(event: Event): void
}

/** A batch was acknowledged, or refused. */
export interface SendEvent {
  readonly topic: string
  readonly partition: number
  /** -1 where it was refused. */
  readonly baseOffset: number
  readonly messages: number
  readonly bytes: number
  /** From its arrival at the broker on. */
  readonly durationMs: number
  readonly error?: HoldfastError
}

/** What was written has become durable, or could not. */
export interface FlushEvent {
  readonly layout: 'segments' | 'commitlog'
  /** Of a log in segments; a commit log is that of many. */
  readonly topic?: string
  readonly partition?: number
  readonly policy: string
  readonly messages: number
  readonly bytes: number
  readonly durationMs: number
  readonly error?: HoldfastError
}

/** A fetch was answered. */
export interface FetchEvent {
  readonly partitions: readonly {
    readonly topic: string
    readonly partition: number
    readonly bytes: number
    readonly error?: HoldfastError
  }[]
  readonly messages: number
  readonly bytes: number
  readonly durationMs: number
  /** It waited for messages to come. */
  readonly waited: boolean
}

/** A group has a new generation, and every member its partitions. */
export interface RebalanceEvent {
  readonly group: string
  readonly generation: number
  readonly members: number
}

/** A store was opened. */
export interface RecoveryEvent {
  readonly path: string
  /** It had been closed in order. */
  readonly clean: boolean
  readonly scannedBytes: number
  readonly cutBytes: number
  readonly damagedLogs: number
  readonly durationMs: number
}

export const sendChannel: EventChannel<SendEvent> = channel('holdfast:send')
export const flushChannel: EventChannel<FlushEvent> = channel('holdfast:flush')
export const fetchChannel: EventChannel<FetchEvent> = channel('holdfast:fetch')
export const rebalanceChannel: EventChannel<RebalanceEvent> = channel('holdfast:rebalance')
export const recoveryChannel: EventChannel<RecoveryEvent> = channel('holdfast:recovery')
