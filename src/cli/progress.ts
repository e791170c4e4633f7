/** How far a long work has got: a line on stderr that is written over again, where that is a terminal. */

import { systemClock } from '../core/clock.js'

export interface Progress {
  readonly doing: string
  readonly doneBytes: number
  readonly totalBytes: number
}

export interface ProgressLine {
  readonly show: (progress: Progress) => void
  readonly clear: () => void
}

/** A person reads no more lines than that, and a file of them should not grow faster. */
export const everyMs = { terminal: 100, other: 1000 }

/** @param always also where stderr is no terminal, a line below the other */
export function progressOnTerminal(always = false): ProgressLine {
  const { stderr } = process
  if (!stderr.isTTY && !always) return { show: () => {}, clear: () => {} }
  let began: { doing: string; atMs: number } | undefined
  let shownMs = 0
  return {
    show: ({ doing, doneBytes, totalBytes }) => {
      const nowMs = systemClock.monotonic()
      if (began?.doing !== doing) began = { doing, atMs: nowMs }
      if (nowMs - shownMs < (stderr.isTTY ? everyMs.terminal : everyMs.other)) return
      shownMs = nowMs
      const perSecond = (doneBytes / Math.max(1, nowMs - began.atMs)) * 1000
      const leftSeconds = perSecond > 0 ? Math.ceil((totalBytes - doneBytes) / perSecond) : undefined
      const line = lineOf(doing, doneBytes, totalBytes, perSecond, leftSeconds)
      stderr.write(stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
    },
    clear: () => {
      if (stderr.isTTY) stderr.write('\r\x1b[K')
    },
  }
}

function lineOf(
  doing: string,
  done: number,
  total: number,
  perSecond: number,
  leftSeconds: number | undefined,
): string {
  const mb = (bytes: number) => (bytes / 1e6).toFixed(0)
  const percent = total > 0 ? Math.floor((100 * done) / total) : 100
  const left = leftSeconds === undefined ? '' : `, ${leftSeconds} s left`
  return `${doing} ${percent} %  ${mb(done)} of ${mb(total)} MB  ${mb(perSecond)} MB/s${left}`
}
