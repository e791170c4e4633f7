/** The thread in which one log is cleaned: it begins with the job, and says when a new segment is ready, and the end. */

import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../../core/clock.js'
import { type ErrorCode, HoldfastError, reasonOf } from '../../../core/errors.js'
import { invariant } from '../../../core/invariant.js'
import { nodeDisk } from '../../../files/node-disk.js'
import { type CleanedGroup, type CleaningJob, type CleaningReport, cleanLog } from './clean-log.js'
import { ended } from './cleaning-ended.js'
import { Throttle } from './throttle.js'

export interface WorkerTask {
  readonly job: CleaningJob
  readonly bytesPerSecond: number
}

export type ToWorker =
  /** The segment that was ready is in its place. */
  { readonly kind: 'go' } | { readonly kind: 'stop' }

export type FromWorker =
  | { readonly kind: 'begun' }
  | { readonly kind: 'cleaned'; readonly group: CleanedGroup }
  | { readonly kind: 'done'; readonly report: CleaningReport }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly text: string }

async function work(): Promise<void> {
  const port = parentPort
  invariant(port, 'this file is run as a thread')
  const { job, bytesPerSecond } = workerData as WorkerTask
  const throttle = new Throttle(systemClock, bytesPerSecond)
  const say = (message: FromWorker) => port.postMessage(message)
  let isStopped = false
  let onAnswer: () => void = () => {}
  port.on('message', ({ kind }: ToWorker) => {
    if (kind === 'stop') isStopped = true
    onAnswer()
  })
  say({ kind: 'begun' })
  try {
    const report = await cleanLog(job, {
      disk: nodeDisk,
      onCleaned: async (group) => {
        const answered = new Promise<void>((resolve) => {
          onAnswer = resolve
        })
        say({ kind: 'cleaned', group })
        await answered
        if (isStopped) throw ended()
      },
      spent: async (bytes) => {
        await throttle.spend(bytes)
        if (isStopped) throw ended()
      },
    })
    say({ kind: 'done', report })
  } catch (error) {
    const code = error instanceof HoldfastError ? error.code : 'UNKNOWN_SERVER_ERROR'
    say({ kind: 'failed', code, text: reasonOf(error) })
  } finally {
    port.close()
  }
}

void work()
