/** Rules about what senders and readers do, and whether this process keeps up with them. */

import type { LagAt } from '../lag-history.js'
import type { Rule } from './rule.js'
import { count, hours, ms } from './words.js'

const minuteMs = 60_000
const leastLag = 1000
const leastLagPoints = 9
const mostThreads = 64

export const loadRules: readonly Rule[] = [
  {
    id: 'batches-tiny',
    severity: 'note',
    title: 'Senders send nearly every message by itself',
    when: 'a batch holds fewer than 2 messages, at more than 500 batches a second',
    leastEvidence: 'a minute',
    limit: { side: 'below', beyond: 2, good: 3 },
    measure: ({ window }) =>
      window === undefined || window.seconds < 60 || window.batchesIn / window.seconds < 500
        ? []
        : [{ value: window.messagesIn / window.batchesIn }],
    evidence: ({ value }, { window }) =>
      `${count((window?.batchesIn ?? 0) / (window?.seconds ?? 1))} batches come in each second, with ${value.toFixed(1)} messages in each; below 2 most of the work is for the batches and not for the messages.`,
    remedy: () =>
      'Let the producers gather for a few milliseconds. It is a setting of Kafka producers; the library gathers what is sent in the same turn of the event loop, so send without waiting for each message.',
    setting: () => ({ name: 'linger.ms', value: '5' }),
  },
  {
    id: 'group-behind',
    severity: 'warning',
    title: 'A group falls further and further behind',
    when: 'the lag of a group is above 1,000 messages, and has grown in each third of its last ten minutes, by half in all',
    leastEvidence: 'five minutes of lag',
    limit: { side: 'above', beyond: 1.5, good: 1.1 },
    measure: ({ lags = [] }) =>
      lags.flatMap(({ group, history }) => {
        const recent = lastTenMinutes(history)
        const rise = riseOf(recent)
        return rise === undefined ? [] : [{ subject: group, value: rise }]
      }),
    evidence: ({ value, subject }, { lags = [] }) => {
      const recent = lastTenMinutes(lags.find(({ group }) => group === subject)?.history ?? [])
      const [first, last] = [recent[0], recent[recent.length - 1]]
      if (first === undefined || last === undefined) return ''
      return `The group ${subject} was ${count(first.lag)} messages behind and is ${count(last.lag)} now, ${hours((last.timeMs - first.timeMs) / (60 * minuteMs))} later: ${value.toFixed(1)} times as far, and more than 1.5 times is too much.`
    },
    remedy: () =>
      'Start more consumers in the group, up to one for each partition; add partitions where there are no more to give out; or make the work for each message shorter, several at once. Look whether one of its members has stopped.',
  },
  {
    id: 'pool-starved',
    severity: 'warning',
    title: 'The thread pool is starved',
    when: 'a call that needs only a thread of the pool waits longer than 10 ms, the median of a minute, and twice as long as the event loop is late',
    leastEvidence: '30 measurements',
    limit: { side: 'above', beyond: 10, good: 5 },
    measure: ({ pool, window }) =>
      pool === undefined || pool.samples < 30 || pool.medianDelayMs < 2 * (window?.meanEventLoopDelayMs ?? 0)
        ? []
        : [{ value: pool.medianDelayMs }],
    evidence: ({ value }, { pool, window }) =>
      `A call that touches no disk waits ${ms(value)} for one of the ${pool?.threads ?? 0} threads of libuv's pool, while the event loop is ${ms(window?.meanEventLoopDelayMs ?? 0)} late; more than 10 ms means that flushes and other calls stand in line.`,
    remedy: () =>
      'Give the process a larger pool: an environment variable, set before it starts. What else uses the pool in this program (zlib, crypto, DNS) counts too.',
    setting: (_, { pool }) => ({
      name: 'UV_THREADPOOL_SIZE',
      value: String(Math.min(mostThreads, Math.max(16, (pool?.threads ?? 4) * 2))),
    }),
  },
  {
    id: 'event-loop-late',
    severity: 'warning',
    title: 'The event loop is late',
    when: 'timers run more than 50 ms late on average',
    leastEvidence: 'a minute',
    limit: { side: 'above', beyond: 50, good: 25, critical: 500 },
    measure: ({ window }) =>
      window?.meanEventLoopDelayMs === undefined || window.seconds < 60 ? [] : [{ value: window.meanEventLoopDelayMs }],
    evidence: ({ value }) =>
      `Timers of this process run ${ms(value)} late on average; more than 50 ms delays every message.`,
    remedy: () =>
      'Something computes for long on the main thread, or the machine has no CPU to spare. Larger batches and no repacking (compression.type=producer) take less; a program that embeds the queue moves long work into a worker.',
    setting: (_, { settings }) =>
      settings['compression.type'] === 'producer' ? undefined : { name: 'compression.type', value: 'producer' },
  },
]

function lastTenMinutes(history: readonly LagAt[]): readonly LagAt[] {
  const newest = history[history.length - 1]
  return newest === undefined ? [] : history.filter(({ timeMs }) => timeMs >= newest.timeMs - 10 * minuteMs)
}

/** How many times as far behind as at first; undefined where it is little, was not looked at for long, or did not grow throughout. */
function riseOf(recent: readonly LagAt[]): number | undefined {
  if (recent.length < leastLagPoints) return undefined
  const [first, last] = [recent[0], recent[recent.length - 1]]
  if (last.timeMs - first.timeMs < 5 * minuteMs || last.lag < leastLag) return undefined
  const third = Math.floor(recent.length / 3)
  const means = [recent.slice(0, third), recent.slice(third, recent.length - third), recent.slice(-third)].map(
    (points) => points.reduce((sum, { lag }) => sum + lag, 0) / points.length,
  )
  if (means[0] >= means[1] || means[1] >= means[2]) return undefined
  return last.lag / Math.max(first.lag, 1)
}
