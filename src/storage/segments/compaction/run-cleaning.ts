/**
 * Runs a cleaning: in a thread of its own, where the disk is the system's, and else in this one, in slices between which
 * everybody else has a turn. Little work is not worth a thread.
 */

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../../core/clock.js'
import { HoldfastError } from '../../../core/errors.js'
import type { Logger } from '../../../core/logger.js'
import type { Disk } from '../../../files/disk.js'
import { unmeasured } from '../../../files/measured-disk.js'
import { nodeDisk } from '../../../files/node-disk.js'
import { type CleanedGroup, type CleaningJob, type CleaningReport, cleanLog } from './clean-log.js'
import { ended } from './cleaning-ended.js'
import type { FromWorker, ToWorker, WorkerTask } from './cleaning-worker.js'
import { Throttle } from './throttle.js'

export interface CleaningTask {
  readonly job: CleaningJob
  readonly bytesPerSecond: number
  readonly signal: AbortSignal
  /** Puts a new segment in its place; the cleaning goes on when this resolves. */
  readonly onCleaned: (group: CleanedGroup) => Promise<void>
}

export interface CleaningEnvironment {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
}

/** A thread takes some 50 ms to start, in which so much is read. */
const threadFromBytes = 4 * 1024 * 1024

/** @throws CLOSED once the signal is aborted; what {@link cleanLog} throws */
export async function runCleaning(task: CleaningTask, environment: CleaningEnvironment): Promise<CleaningReport> {
  const bytes = task.job.segments.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
  if (unmeasured(environment.disk) !== nodeDisk || bytes < threadFromBytes) return cleanHere(task, environment)
  try {
    return await cleanInThread(task)
  } catch (err) {
    if (!(err instanceof ThreadUnavailable)) throw err
    environment.logger.warn({ err }, 'A thread for compaction could not be started; it runs beside everything else.')
    return cleanHere(task, environment)
  }
}

function cleanHere(
  { job, bytesPerSecond, signal, onCleaned }: CleaningTask,
  { disk, clock }: CleaningEnvironment,
): Promise<CleaningReport> {
  const throttle = new Throttle(clock, bytesPerSecond)
  return cleanLog(job, {
    disk,
    onCleaned,
    spent: async (bytes) => {
      await (throttle.spend(bytes) ?? new Promise<void>((resolve) => clock.soon(resolve)))
      if (signal.aborted) throw ended()
    },
  })
}

class ThreadUnavailable extends Error {}

function cleanInThread({ job, bytesPerSecond, signal, onCleaned }: CleaningTask): Promise<CleaningReport> {
  // Beside this file, whether that is compiled or not.
  const entry = new URL(`./cleaning-worker${extname(import.meta.url)}`, import.meta.url)
  return new Promise((resolve, reject) => {
    const workerData: WorkerTask = { job, bytesPerSecond }
    const worker = new Worker(entry, { workerData })
    // A process that has nothing else to do may end; what was begun is cleared away by the next start.
    worker.unref()
    const say = (message: ToWorker) => worker.postMessage(message)
    const stop = () => {
      worker.ref()
      say({ kind: 'stop' })
    }
    let hasBegun = false
    let failure: unknown
    signal.addEventListener('abort', stop)
    worker.on('message', (message: FromWorker) => {
      hasBegun = true
      switch (message.kind) {
        case 'begun':
          if (signal.aborted) stop()
          break
        case 'cleaned':
          onCleaned(message.group).then(
            () => say({ kind: 'go' }),
            (error: unknown) => {
              failure ??= error
              stop()
            },
          )
          break
        case 'done':
          resolve(message.report)
          break
        case 'failed':
          reject(failure ?? new HoldfastError(message.code, message.text))
          break
      }
    })
    worker.on('error', (error) => reject(hasBegun ? error : new ThreadUnavailable(error.message, { cause: error })))
    worker.on('exit', (code) => {
      signal.removeEventListener('abort', stop)
      reject(
        failure ?? new HoldfastError('DISK_FAILED', `The thread that cleaned ${job.directory} ended with ${code}.`),
      )
    })
  })
}
