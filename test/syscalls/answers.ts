/** Listens to how each call of a life is answered: in time, and where it is refused, with an error of the table that says why. */

import { HoldfastError } from '../../src/core/errors.js'

/** Longer than any answer may take, also on a machine that has much else to do: senders wait for the disk far less. */
const patienceMs = 60_000

/** The disk did not do it, and nothing of it stays. */
const refusals: ReadonlySet<string> = new Set(['LOG_FAILED', 'DISK_FULL', 'DISK_FAILED', 'KAFKA_STORAGE_ERROR'])

export function isRefusal(error: unknown): boolean {
  return error instanceof HoldfastError && refusals.has(error.code)
}

export class Answers {
  /** How often each code was the answer. */
  readonly codes: Record<string, number> = {}
  /** What no caller should meet: silence, an error without a code, or one that was not foreseen. */
  readonly complaints: string[] = []
  /** The last refusal, in words. */
  last = ''

  /** What `work` resolves with; undefined where it was refused. */
  async of<T>(doing: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.inTime(doing, work())
    } catch (error) {
      this.refused(doing, error)
      return undefined
    }
  }

  /** Notes an error that somebody was answered with. */
  refused(doing: string, error: unknown): void {
    const code = error instanceof HoldfastError ? error.code : 'none'
    this.codes[code] = (this.codes[code] ?? 0) + 1
    this.last = `${doing}: ${code}: ${(error as Error)?.message}`
    if (code !== 'none' && code !== 'UNKNOWN_SERVER_ERROR') return
    const { stack, cause } = error as Error
    this.complaints.push(`${doing} was answered by: ${stack ?? error}${cause === undefined ? '' : `, for ${cause}`}`)
  }

  async inTime<T>(doing: string, work: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.complaints.push(`${doing} was not answered within ${patienceMs} ms`)
        resolve(undefined)
      }, patienceMs)
    })
    try {
      return await Promise.race([work, silence])
    } finally {
      clearTimeout(timer)
    }
  }
}
