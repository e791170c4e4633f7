/** Situations for the rules of advice: a healthy broker, on which no rule has a word to say, and changes to it. */

import { resolveSettings, type SettingsInput } from '../../../src/core/settings.js'
import type { Evidence } from '../../../src/monitoring/advice/rule.js'
import type { DeviceProbe } from '../../../src/monitoring/device-probe.js'
import type { LagAt } from '../../../src/monitoring/lag-history.js'
import type { FigureWindow } from '../../../src/monitoring/window.js'

export const minuteMs = 60_000
export const hourMs = 3_600_000
export const gigabyte = 1e9

export const healthyWindow: FigureWindow = {
  seconds: 300,
  flushes: 30_000,
  messagesIn: 3_000_000,
  batchesIn: 300_000,
  bytesIn: 3e9,
  messagesPerFlush: 100,
  meanFlushMs: 2,
  flushing: 0.7,
  meanAppendMs: 3,
  meanEventLoopDelayMs: 1,
  openFiles: 500,
}

export const healthyDevice: DeviceProbe = {
  directory: '/data',
  writes: 32,
  plainMs: 0.01,
  dsyncMs: 0.4,
  syncMs: 0.5,
  worstMs: 4,
}

export const healthy: Evidence = {
  settings: resolveSettings(),
  window: healthyWindow,
  disk: { totalBytes: 1000 * gigabyte, freeBytes: 600 * gigabyte },
  diskGrowth: { bytesPerHour: gigabyte, spanMs: hourMs },
  keptForever: [{ topic: 'archive', sizeInBytes: 5e9, growth: { bytesPerHour: 1e7, spanMs: hourMs } }],
  lags: [{ group: 'readers', history: lagFrom(200, 0) }],
  pool: { threads: 4, samples: 60, medianDelayMs: 0.2 },
  device: healthyDevice,
  host: {
    openFilesLimit: 65_536,
    memoryLockLimitBytes: Number.POSITIVE_INFINITY,
    fileSystem: { type: 'ext4', mountPoint: '/' },
  },
}

/** What is known at the very start, and on a platform that tells nothing. */
export const ignorant: Evidence = { settings: resolveSettings() }

export const withSettings = (settings: SettingsInput): Evidence => ({ ...healthy, settings: resolveSettings(settings) })
export const withWindow = (window: Partial<FigureWindow>): Evidence => ({
  ...healthy,
  window: { ...healthyWindow, ...window },
})
export const withDevice = (device: Partial<DeviceProbe>, settings: SettingsInput = {}): Evidence => ({
  ...withSettings(settings),
  device: { ...healthyDevice, ...device },
})
export const onFileSystem = (type: string): Evidence => ({
  ...healthy,
  host: { openFilesLimit: 65_536, memoryLockLimitBytes: null, fileSystem: { type, mountPoint: '/data' } },
})

/** A point every ten seconds of ten minutes. */
export function lagFrom(first: number, perPoint: number, points = 61): LagAt[] {
  return Array.from({ length: points }, (_, i) => ({ timeMs: i * 10_000, lag: first + i * perPoint }))
}
