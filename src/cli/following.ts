/** `--follow` of a list: it is asked for again and again, and on a terminal written over, until Ctrl-C. */

import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { pause } from '../core/pause.js'
import { wholeNumber } from './target.js'

export interface FollowOptions {
  readonly follow?: boolean
  readonly every?: number
}

const defaultEveryMs = 2000

/** Adds `--follow` and `--every`. */
export function withFollow(command: Command): Command {
  return command
    .option('--follow', 'show it again every two seconds, until Ctrl-C')
    .option('--every <ms>', 'with --follow: how often', wholeNumber(100))
}

/** Shows once, or over and over; resolves at SIGINT, SIGTERM, or when nobody reads any more. */
export async function following({ follow, every }: FollowOptions, show: () => Promise<void>): Promise<void> {
  if (!follow) return show()
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  process.stdout.on('error', onSignal)
  try {
    while (!stop.signal.aborted) {
      // Home, and clear what is below: what is shown stays in one place.
      if (process.stdout.isTTY) process.stdout.write('\x1b[H\x1b[J')
      await show()
      await pause(systemClock, every ?? defaultEveryMs, stop.signal)
    }
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    process.stdout.off('error', onSignal)
  }
}
