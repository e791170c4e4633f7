/** What `serve` says of a start that had to read logs: how far it is, and what it did. */

import { systemClock } from '../core/clock.js'
import type { RecoveryProgress, RecoveryReport } from '../storage/recovery.js'
import { progressOnTerminal } from './progress.js'

/** A quick start shows none. */
const quietMs = 300

/** A line on a terminal. */
export function recoveryOnTerminal(): { show: (progress: RecoveryProgress) => void; clear: () => void } {
  const line = progressOnTerminal()
  const startedMs = systemClock.monotonic()
  let isShown = false
  return {
    show: ({ logsDone, logsTotal, scannedBytes }) => {
      if (systemClock.monotonic() - startedMs < quietMs) return
      isShown = true
      // How much the logs that are still to come have to read is not known before they are opened.
      const detail = `${logsDone} of ${logsTotal} logs`
      line.show({ doing: 'Opening', detail, doneBytes: scannedBytes, totalBytes: 0 })
    },
    clear: () => {
      if (isShown) line.clear()
    },
  }
}

/** Nothing where there was nothing to do. */
export function recoveryText({ clean, damagedLogs, ...report }: RecoveryReport): string {
  const { scannedBytes, cutBytes, rebuiltSegments, durationMs, logs, commitLog } = report
  const lines: string[] = []
  if (!clean && (logs.length > 0 || commitLog?.clean === false)) {
    const read = `${logs.length} logs${commitLog === undefined ? '' : ' and the commit log'}`
    const what = `${megabytes(scannedBytes)} MB of ${read} read, ${cutBytes} bytes cut, the indexes of ${rebuiltSegments} segments made anew`
    lines.push(`Recovered after an end that was not in order: ${what}, in ${(durationMs / 1000).toFixed(2)} s.`)
  }
  return lines.map((line) => `${line}\n`).join('') + damageText({ damagedLogs, logs, commitLog })
}

/** Nothing where a start met no damage. */
export function damageText({
  damagedLogs,
  logs,
  commitLog,
}: Pick<RecoveryReport, 'damagedLogs' | 'logs' | 'commitLog'>): string {
  if (damagedLogs === 0) return ''
  const whole = commitLog?.damage === undefined ? [] : [commitLog.damage]
  const found = [...whole, ...logs.flatMap(({ damage }) => (damage === undefined ? [] : [damage.what]))]
  const head = `${damagedLogs} logs are damaged and take no messages; stop, and run "holdfast verify":`
  return `${[head, ...found.map((what) => `  ${what}`)].join('\n')}\n`
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
