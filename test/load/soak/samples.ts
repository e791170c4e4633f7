/** What a served process and its folder hold, once a second: from /proc, from the folder, and from its own metrics. */

import { readdirSync, readFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Figures that a sampler cannot have are absent. */
export interface Sample {
  /** Since the start. */
  readonly seconds: number
  readonly residentBytes: number
  /** Without what is mapped. */
  readonly ownBytes: number
  readonly openFiles: number
  readonly threads: number
  readonly files: number
  readonly storedBytes: number
  readonly heapBytes?: number
  readonly externalBytes?: number
  readonly bufferBytes?: number
  /** Of the last second: how late timers ran on the average. */
  readonly loopDelayMs?: number
  /** Of the last second: acknowledged sends, and how long the slowest hundredth of them took at least. */
  readonly sends?: number
  readonly sendP99Ms?: number
}

export interface Sampled {
  readonly pid: number
  readonly dataDir: string
  /** Where its metrics are. */
  readonly metricsUrl?: string
}

export type TakeSample = (more?: Pick<Sample, 'sends' | 'sendP99Ms'>) => Promise<Sample>

export function sampler({ pid, dataDir, metricsUrl }: Sampled): TakeSample {
  const started = performance.now()
  let delays = { sum: 0, count: 0 }
  return async (more = {}) => {
    const seconds = (performance.now() - started) / 1000
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
    const { files, bytes } = await folder(dataDir)
    const own = {
      seconds,
      residentBytes: field('VmRSS') * 1024,
      ownBytes: field('RssAnon') * 1024,
      openFiles: readdirSync(`/proc/${pid}/fd`).length,
      threads: field('Threads'),
      files,
      storedBytes: bytes,
      ...more,
    }
    if (metricsUrl === undefined) return own
    const text = await (await fetch(metricsUrl)).text()
    const before = delays
    delays = {
      sum: metric(text, 'mq_event_loop_delay_seconds_sum'),
      count: metric(text, 'mq_event_loop_delay_seconds_count'),
    }
    const timers = delays.count - before.count
    return {
      ...own,
      heapBytes: metric(text, 'mq_memory_bytes{kind="heap"}'),
      externalBytes: metric(text, 'mq_memory_bytes{kind="external"}'),
      bufferBytes: metric(text, 'mq_memory_bytes{kind="buffers"}'),
      loopDelayMs: timers > 0 ? ((delays.sum - before.sum) / timers) * 1000 : 0,
    }
  }
}

function metric(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  if (line === undefined) throw new Error(`The metrics have no ${name}.`)
  return Number(line.slice(name.length + 1))
}

/** What is deleted while it is looked at does not count. */
async function folder(path: string): Promise<{ files: number; bytes: number }> {
  let files = 0
  let bytes = 0
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
    if (found === undefined) continue
    files++
    bytes += found.blocks * 512
  }
  return { files, bytes }
}
