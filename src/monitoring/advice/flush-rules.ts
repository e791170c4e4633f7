/** Rules about flushing: how long it takes, how much shares it, and whether the policy suits the device. */

import { type DeviceProbe, durableMs } from '../device-probe.js'
import { found, onceFound, type Rule } from './rule.js'
import { count, ms, percent } from './words.js'

/** A share of the time at which a log may be called busy with flushing. */
const busyFlushing = 0.5
const leastFlushes = 20
const leastProbeWrites = 8

export const flushRules: readonly Rule[] = [
  {
    id: 'flush-slow',
    severity: 'warning',
    title: 'Flushes are slow',
    when: 'a flush takes longer than 100 ms on average',
    leastEvidence: `${leastFlushes} flushes in five minutes`,
    limit: { side: 'above', beyond: 100, good: 80, critical: 1000 },
    measure: ({ window }) =>
      window?.meanFlushMs === undefined || window.flushes < leastFlushes ? [] : [{ value: window.meanFlushMs }],
    evidence: ({ value }, { window }) =>
      `${count(window?.flushes ?? 0)} flushes took ${ms(value)} on average; more than 100 ms is slow.`,
    remedy: ({ value }, { device }) =>
      device !== undefined && durableMs(device) < value / 4
        ? `A probe of the same device took only ${ms(durableMs(device))}: something else keeps it busy, or flushes are very large. Look with iostat who writes, and give the logs a disk of their own (store.path.commitlog).`
        : 'Give the logs a faster disk, an SSD of their own (store.path.commitlog). Until then let more messages share a flush: more senders at once, or batches that gather longer.',
    setting: (_, { settings }) =>
      settings['flush.disk.type'] === 'SYNC_FLUSH' ? { name: 'flush.disk.type', value: 'BATCH_FLUSH' } : undefined,
  },
  {
    id: 'flush-alone',
    severity: 'warning',
    title: 'Hardly any message shares its flush',
    when: `fewer than 1.5 messages come with a flush, while flushing fills more than ${percent(busyFlushing)} of the time`,
    leastEvidence: '100 flushes in five minutes',
    limit: { side: 'below', beyond: 1.5, good: 2.5 },
    measure: ({ window }) =>
      window?.messagesPerFlush === undefined || window.flushes < 100 || window.flushing < busyFlushing
        ? []
        : [{ value: window.messagesPerFlush }],
    evidence: ({ value }, { window }) =>
      `${value.toFixed(1)} messages come with each flush, and flushing fills ${percent(window?.flushing ?? 0)} of the time; below 1.5 every message pays for a flush of its own.`,
    remedy: () =>
      'Send without waiting for each acknowledgement, several at once: what waits together shares one flush. Where many partitions are busy, let them share one log, which a topic says when it is made: one flush then covers them all.',
    setting: (_, { settings }) =>
      settings['storage.layout'] === 'commitlog' ? undefined : { name: 'storage.layout', value: 'commitlog' },
  },
  {
    id: 'policy-slower-than-disk',
    severity: 'note',
    title: 'Messages wait longer for their round than for the disk',
    when: 'under BATCH_FLUSH an append takes more than ten times as long as the device needs, and rounds are not full',
    leastEvidence: `${leastFlushes} flushes in five minutes and a probe of the device`,
    limit: { side: 'above', beyond: 10, good: 5 },
    measure: ({ settings, window, device }) => {
      if (settings['flush.disk.type'] !== 'BATCH_FLUSH' || window?.meanAppendMs === undefined) return []
      if (device === undefined || device.writes < leastProbeWrites || window.flushes < leastFlushes) return []
      if ((window.messagesPerFlush ?? 0) > settings['flush.batch.size'] / 2) return []
      return [{ value: window.meanAppendMs / durableMs(device) }]
    },
    evidence: (_, { window, device }) =>
      `An append takes ${ms(window?.meanAppendMs ?? 0)} on average, and the device makes a write durable in ${ms(device === undefined ? 0 : durableMs(device))}; ten times as long is too much.`,
    remedy: () =>
      'SYNC_FLUSH gathers what arrives while a flush is under way and waits for nothing else. Or let rounds close earlier (flush.interval.ms).',
    setting: () => ({ name: 'flush.disk.type', value: 'SYNC_FLUSH' }),
  },
  {
    id: 'policy-weaker-than-disk',
    severity: 'note',
    title: 'Durability is given up that would cost little',
    when: 'ASYNC_FLUSH on a device that makes a write durable in less than 1 ms',
    leastEvidence: `a probe of the device, ${leastProbeWrites} writes`,
    limit: { side: 'below', beyond: 1, good: 2 },
    measure: ({ settings, device, host }) =>
      settings['flush.disk.type'] !== 'ASYNC_FLUSH' ||
      device === undefined ||
      device.writes < leastProbeWrites ||
      isVolatile(host?.fileSystem?.type) ||
      syncCostsMs(device) < believableMs
        ? []
        : [{ value: durableMs(device) }],
    evidence: ({ value }) =>
      `The device makes a write durable in ${ms(value)}, less than 1 ms, and ASYNC_FLUSH acknowledges messages that a power loss takes away.`,
    remedy: () => 'Where messages must survive a power loss, flush before the acknowledgement; here that costs little.',
    setting: () => ({ name: 'flush.disk.type', value: 'SYNC_FLUSH' }),
  },
  {
    id: 'policy-harder-than-disk',
    severity: 'warning',
    title: 'The disk is slow for a flush before every acknowledgement',
    when: 'SYNC_FLUSH or BATCH_FLUSH on a device that takes longer than 20 ms to make a write durable',
    leastEvidence: `a probe of the device, ${leastProbeWrites} writes`,
    limit: { side: 'above', beyond: 20, good: 15 },
    measure: ({ settings, device }) =>
      settings['flush.disk.type'] === 'ASYNC_FLUSH' || device === undefined || device.writes < leastProbeWrites
        ? []
        : [{ value: durableMs(device) }],
    evidence: ({ value }) =>
      `The device makes a write durable in ${ms(value)}, more than 20 ms: a sender that waits for each message sends at most ${count(1000 / value)} a second.`,
    remedy: () =>
      'Give the logs an SSD, or send many messages at once, so that they share flushes. Only where a power loss may take the latest messages, acknowledge before the flush.',
    setting: () => ({ name: 'flush.disk.type', value: 'ASYNC_FLUSH' }),
  },
  {
    id: 'disk-lies',
    severity: 'warning',
    title: 'The disk says "durable" suspiciously fast',
    when: 'making a write durable adds less than 15 µs to the write itself, on a file system that has a disk under it',
    leastEvidence: `a probe of the device, ${leastProbeWrites} writes`,
    limit: onceFound,
    measure: ({ device, host }) =>
      device === undefined ||
      device.writes < leastProbeWrites ||
      isVolatile(host?.fileSystem?.type) ||
      syncCostsMs(device) >= believableMs
        ? []
        : [{ value: found }],
    evidence: (_, { device }) =>
      device === undefined
        ? ''
        : `A durable write took ${ms(durableMs(device))} and a plain one ${ms(device.plainMs)}; less than ${ms(believableMs)} between them is more than a device can do that really writes.`,
    remedy: () =>
      'Find out what answers: a virtual disk whose host caches writes (cache=unsafe), a controller without a battery, a drive with its write cache on and flushes ignored, or a file system mounted with nobarrier. A drive with power-loss protection may be this fast and safe; then nothing is wrong.',
  },
]

/** Even a drive with a protected cache takes a transfer and an interrupt for each flush. */
const believableMs = 0.015

function syncCostsMs(device: DeviceProbe): number {
  return Math.min(device.syncMs, durableMs(device)) - device.plainMs
}

const inMemory: ReadonlySet<string> = new Set(['tmpfs', 'ramfs'])

export function isVolatile(fileSystemType: string | undefined): boolean {
  return fileSystemType !== undefined && inMemory.has(fileSystemType)
}
