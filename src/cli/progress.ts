/** How far a long work has got: a bar on stderr that is written over again, where that is a terminal. */

import { type Clock, systemClock } from '../core/clock.js'
import { cutTo, painted, type Screen, widthOf } from './terminal.js'

export interface Progress {
  readonly doing: string
  /** How far it is in other terms, behind `doing`. */
  readonly detail?: string
  readonly doneBytes: number
  /** 0 where nobody knows. */
  readonly totalBytes: number
}

export interface ProgressLine {
  readonly show: (progress: Progress) => void
  readonly clear: () => void
}

/** A person reads no more lines than that, and a file of them should not grow faster. */
export const everyMs = { terminal: 100, other: 1000 }

/** Where the line goes; `process.stderr` is one. */
export interface ProgressScreen extends Screen {
  write(text: string): unknown
}

/** Nothing is foretold from less time than that. */
const leastMs = 500
const barColumns = 24
const fallbackColumns = 80

/** @param always also where stderr is no terminal, a line below the other */
export function progressOnTerminal(
  always = false,
  screen: ProgressScreen = process.stderr,
  clock: Pick<Clock, 'monotonic'> = systemClock,
): ProgressLine {
  const isTerminal = screen.isTTY === true
  if (!isTerminal && !always) return { show: () => {}, clear: () => {} }
  let began: { doing: string; atMs: number; doneBytes: number } | undefined
  let shownMs = Number.NEGATIVE_INFINITY
  return {
    show: (progress) => {
      const nowMs = clock.monotonic()
      // What was done before the first word of it, e.g. shared with an older backup, says nothing of the rate.
      if (began?.doing !== progress.doing) began = { doing: progress.doing, atMs: nowMs, doneBytes: progress.doneBytes }
      if (nowMs - shownMs < (isTerminal ? everyMs.terminal : everyMs.other)) return
      shownMs = nowMs
      const line = lineOf(progress, nowMs - began.atMs, progress.doneBytes - began.doneBytes, screen)
      screen.write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`)
    },
    clear: () => {
      if (isTerminal) screen.write('\r\x1b[K')
    },
  }
}

function lineOf(progress: Progress, elapsedMs: number, newBytes: number, screen: Screen): string {
  const { detail, doneBytes, totalBytes } = progress
  const doing = detail === undefined ? progress.doing : `${progress.doing} ${detail}`
  const perSecond = elapsedMs >= leastMs ? (newBytes / elapsedMs) * 1000 : 0
  const rate = perSecond > 0 ? `  ${sizeText(perSecond)}/s` : ''
  if (totalBytes <= 0) return `${doing}  ${sizeText(doneBytes)}${rate}`
  const part = Math.min(1, doneBytes / totalBytes)
  const left = perSecond > 0 ? `  ${durationText((totalBytes - doneBytes) / perSecond)} left` : ''
  const figures = `${Math.floor(100 * part)} %  ${sizeText(doneBytes)} of ${sizeText(totalBytes)}${rate}${left}`
  const width = (screen.isTTY ? widthOf(screen) : undefined) ?? fallbackColumns
  const room = width - doing.length - figures.length - 4
  if (!screen.isTTY || room < barColumns) return cutTo(`${doing}  ${figures}`, width - 1)
  const filled = Math.round(part * barColumns)
  const bar = painted('good', '━'.repeat(filled), screen) + painted('aside', '─'.repeat(barColumns - filled), screen)
  return `${doing} ${bar}  ${figures}`
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** "999 B", "1.5 MB", "20 GB". */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** "9 s", "1:05 min", "2:03:04 h". */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  if (hours > 0) return `${hours}:${two(minutes)}:${two(whole % 60)} h`
  return minutes > 0 ? `${minutes}:${two(whole % 60)} min` : `${whole} s`
}
