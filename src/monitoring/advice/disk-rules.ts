/** Rules about room on the disk. */

import { usedRatio } from '../figures.js'
import { hoursUntilFull } from '../growth.js'
import type { Rule } from './rule.js'
import { bytes, hours, percent } from './words.js'

const minuteMs = 60_000
const weekMs = 604_800_000

export const diskRules: readonly Rule[] = [
  {
    id: 'disk-filling',
    severity: 'warning',
    title: 'The disk is filling up',
    when: 'more than 80 % of the disk is used (critical above 95 %)',
    leastEvidence: 'one look at the file system',
    limit: { side: 'above', beyond: 0.8, good: 0.78, critical: 0.95 },
    measure: ({ disk }) => (disk === undefined ? [] : [{ value: usedRatio(disk) }]),
    evidence: ({ value }, { disk, settings }) =>
      `${percent(value)} of the disk is used, ${bytes(disk?.freeBytes ?? 0)} are free; the threshold is 80 %. Above ${settings['disk.watermark.delete.ratio']} % old segments are deleted early, above ${settings['disk.watermark.refuse.ratio']} % messages are refused.`,
    remedy: () =>
      'Make room: delete topics that nobody reads, keep less (retention.ms, retention.bytes of large topics), move what else lies on that disk, or grow it.',
    setting: (_, { disk, settings }) => {
      if (disk === undefined || settings['store.retention.bytes'] !== -1) return undefined
      return { name: 'store.retention.bytes', value: String(Math.floor(disk.totalBytes * 0.7)) }
    },
  },
  {
    id: 'disk-full-soon',
    severity: 'warning',
    title: 'The disk will be full soon',
    when: 'at the growth of the last hour the disk is full within 24 hours (critical within 4)',
    leastEvidence: 'ten minutes of growth',
    limit: { side: 'below', beyond: 24, good: 36, critical: 4 },
    measure: ({ disk, diskGrowth }) => {
      if (disk === undefined || diskGrowth === undefined || diskGrowth.spanMs < 10 * minuteMs) return []
      const left = hoursUntilFull(disk.freeBytes, diskGrowth.bytesPerHour)
      return left === undefined ? [] : [{ value: left }]
    },
    evidence: ({ value }, { disk, diskGrowth }) =>
      `The disk is full in ${hours(value)}: ${bytes(disk?.freeBytes ?? 0)} are free, and it grows by ${bytes(diskGrowth?.bytesPerHour ?? 0)} an hour, measured over ${hours((diskGrowth?.spanMs ?? 0) / (60 * minuteMs))}; the threshold is 24 hours.`,
    remedy: () =>
      'Keep less, or grow the disk, before it is full. A bound on all logs together keeps them from it whatever comes in.',
    setting: (_, { disk, settings }) => {
      if (disk === undefined || settings['store.retention.bytes'] !== -1) return undefined
      return { name: 'store.retention.bytes', value: String(Math.floor(disk.totalBytes * 0.7)) }
    },
  },
  {
    id: 'retention-off',
    severity: 'warning',
    title: 'A topic grows and nothing of it is ever deleted',
    when: 'a topic without retention and without compaction grows by more than 1 % of the disk a day',
    leastEvidence: 'half an hour of growth',
    limit: { side: 'above', beyond: 0.01, good: 0.005 },
    measure: ({ disk, keptForever = [] }) =>
      keptForever.flatMap(({ topic, growth }) =>
        disk === undefined || growth === undefined || growth.spanMs < 30 * minuteMs
          ? []
          : [{ subject: topic, value: (growth.bytesPerHour * 24) / disk.totalBytes }],
      ),
    evidence: ({ value, subject }, { keptForever = [] }) =>
      `The topic ${subject} holds ${bytes(keptForever.find(({ topic }) => topic === subject)?.sizeInBytes ?? 0)} and grows by ${percent(value)} of the disk a day; above 1 % with retention.ms=-1 and retention.bytes=-1 it fills the disk in time.`,
    remedy: () =>
      'Say how long or how much is to be kept (a week below), or compact the topic if only the latest message of each key counts.',
    setting: () => ({ name: 'retention.ms', value: String(weekMs) }),
  },
]
