/** `holdfast mirror` */

import type { Command } from 'commander'
import { systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { MirrorEnd, MirrorProgress, MirrorReport } from '../mirror/options.js'
import { printJson } from './output.js'
import { everyMs, type ProgressLine, progressOnTerminal, sizeText } from './progress.js'
import { collectTexts, type SettingsOptions, withSettings } from './settings-options.js'
import { namesBrokers, openSide } from './sides.js'
import { wholeNumber } from './target.js'

interface MirrorCommandOptions extends SettingsOptions {
  readonly from: string
  readonly to: string
  readonly fromConfig?: string
  readonly toConfig?: string
  readonly topic?: readonly string[]
  readonly untilCaughtUp?: boolean
  readonly cutOver?: boolean
  readonly verify: boolean
  readonly maxRate?: number
  readonly json?: boolean
}

export function mirrorCommand(): (parent: Command) => void {
  return (parent) => {
    withSettings(
      parent
        .command('mirror')
        .description(
          'copy topics, messages and committed offsets from one folder or cluster to another, and follow until Ctrl-C',
        )
        .requiredOption('--from <side>', 'a data directory that nobody serves, HOST:PORT, or kafka://HOST:PORT')
        .requiredOption('--to <side>', 'the same; a data directory that is not there yet is made')
        .option('--from-config <file>', "TLS and SASL for --from, from a file as Kafka's tools take")
        .option('--to-config <file>', 'the same for --to'),
    )
      .option('-t, --topic <pattern>', 'which topics, may be repeated; * stands for any characters', collectTexts)
      .option('--until-caught-up', 'end when everything is copied that is there now, and verify')
      .option('--cut-over', 'producers have stopped: copy the rest, carry over the last offsets, and verify')
      .option('--no-verify', 'do not read both sides again at the end')
      .option('--max-rate <bytes>', 'copy so many bytes a second at most', wholeNumber(1))
      .option('--json', 'print progress, notes and the outcome as JSON, a line each')
      .addHelpText('after', mirrorHelp)
      .action(runMirror)
  }
}

const mirrorHelp = `
It can be ended at any time, also by kill -9, and goes on where it was when it is started again. Ctrl-C ends it
after a last look; a second one at once. To move: let it follow, stop the producers, Ctrl-C, then run it once more
with --cut-over. Into a folder everything is copied as it lies there, transactions and compacted topics too; a broker
across the wire gives out offsets by itself, so what cannot have the same offsets there is refused (COPY_IMPOSSIBLE).`

async function runMirror(options: MirrorCommandOptions): Promise<void> {
  const { from, to, fromConfig, toConfig, untilCaughtUp, cutOver, maxRate } = options
  if (untilCaughtUp && cutOver) throw new HoldfastError('INVALID_ARGUMENT', 'Say --until-caught-up or --cut-over.')
  if (from === to) throw new HoldfastError('INVALID_ARGUMENT', `${from} cannot be mirrored into itself.`)
  const end: MirrorEnd = cutOver ? 'cut-over' : untilCaughtUp ? 'caught-up' : 'stopped'
  const telling = options.json ? tellingPrograms() : tellingPeople()
  const { mirror } = await import('../mirror/mirror.js')
  const source = await openSide(from, { ...sideOptions(options, from), commandConfig: fromConfig, mayBeNew: false })
  try {
    const target = await openSide(to, { ...sideOptions(options, to), commandConfig: toConfig, mayBeNew: true })
    try {
      const report = await stoppable(end, (stop) =>
        mirror({
          source,
          target,
          end,
          includes: includes(options.topic),
          verifies: end !== 'stopped' && options.verify,
          maxBytesPerSecond: maxRate,
          stop,
          onProgress: telling.progress,
          onNote: telling.note,
        }),
      ).finally(telling.clear)
      telling.done(report)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Settings are for folders. */
function sideOptions({ config, profile, set }: MirrorCommandOptions, side: string): SettingsOptions {
  return namesBrokers(side) ? {} : { config, profile, set }
}

/** What follows ends after a last look at the first signal; anything else, and the second one, at once. */
async function stoppable<T>(end: MirrorEnd, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  if (end === 'stopped') for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, onSignal)
  try {
    return await work(stop.signal)
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, onSignal)
  }
}

/** Undefined where no pattern is given: all topics then. */
function includes(patterns: readonly string[] | undefined): ((topic: string) => boolean) | undefined {
  if (patterns === undefined) return undefined
  const expressions = patterns.map((pattern) => {
    const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
    return new RegExp(`^${escaped}$`)
  })
  return (topic) => expressions.some((expression) => expression.test(topic))
}

interface Telling {
  progress(progress: MirrorProgress): void
  note(note: string): void
  clear(): void
  done(report: MirrorReport): void
}

function tellingPrograms(): Telling {
  let shownMs = Number.NEGATIVE_INFINITY
  return {
    progress: (progress) => {
      const nowMs = systemClock.monotonic()
      if (nowMs - shownMs < everyMs.other) return
      shownMs = nowMs
      printJson({ kind: 'progress', ...progress })
    },
    note: (note) => printJson({ kind: 'note', note }),
    clear: () => {},
    done: (report) => printJson({ kind: 'done', ...report }),
  }
}

function tellingPeople(): Telling {
  const line: ProgressLine = progressOnTerminal()
  return {
    progress: ({ phase, bytes, lag, messagesPerSecond }) => {
      const rate = `${Math.round(messagesPerSecond)} messages/s`
      const detail = phase === 'copying' ? `${lag} to go, ${rate}` : rate
      line.show({ doing: phase === 'copying' ? 'Mirroring' : 'Verifying', detail, doneBytes: bytes, totalBytes: 0 })
    },
    note: (note) => {
      line.clear()
      process.stderr.write(`${note}\n`)
    },
    clear: line.clear,
    done: ({ topics, partitions, bytes, messages, groupOffsets, verified }) => {
      const copied = `Copied ${messages} messages, ${sizeText(bytes)}, of ${topics} topics with ${partitions} partitions`
      process.stdout.write(`${copied}; ${groupOffsets} committed offsets.\n`)
      if (verified === undefined) return
      process.stdout.write(`Verified: ${verified.messages} messages in ${verified.batches} batches are the same.\n`)
    },
  }
}
