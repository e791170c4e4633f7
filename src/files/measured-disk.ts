/**
 * A disk whose calls are counted and timed, by operation and kind of file; only put in front of another where somebody
 * counts. What is read through a mapping goes by no call, and is not seen here.
 */

import type { Clock } from '../core/clock.js'
import type { Counter, Histogram, Metrics } from '../core/metrics/metrics.js'
import type { Disk, DiskFile, OpenOptions } from './disk.js'

type Operation = 'read' | 'write' | 'sync' | 'prepare' | 'copy' | 'replace'

const nothing = (): void => {}

/** What is counted of one kind of file. */
class KindMeter {
  readonly read: Counter
  readonly written: Counter
  readonly #clock: Clock
  readonly #durations: Readonly<Record<Operation, Histogram>>
  readonly #onError: (operation: Operation) => void

  constructor(metrics: Metrics, clock: Clock, kind: string) {
    const duration = (operation: Operation) => metrics.histogram('mq_io_duration_seconds', { operation, kind })
    this.read = metrics.counter('mq_io_bytes_total', { direction: 'read', kind })
    this.written = metrics.counter('mq_io_bytes_total', { direction: 'written', kind })
    this.#clock = clock
    this.#durations = {
      read: duration('read'),
      write: duration('write'),
      sync: duration('sync'),
      prepare: duration('prepare'),
      copy: duration('copy'),
      replace: duration('replace'),
    }
    this.#onError = (operation) => metrics.counter('mq_io_errors_total', { operation, kind }).add(1)
  }

  /** `done` counts what came of it. One promise more than the work itself has: it stands in the way of every write. */
  time<T>(operation: Operation, work: () => Promise<T>, done: (result: T) => void = nothing): Promise<T> {
    const beganMs = this.#clock.monotonic()
    const observe = (): void => this.#durations[operation].observe((this.#clock.monotonic() - beganMs) / 1000)
    return work().then(
      (result) => {
        observe()
        done(result)
        return result
      },
      (error: unknown) => {
        observe()
        this.#onError(operation)
        throw error
      },
    )
  }
}

class MeasuredFile implements DiskFile {
  readonly inner: DiskFile
  readonly meter: KindMeter

  constructor(inner: DiskFile, meter: KindMeter) {
    this.inner = inner
    this.meter = meter
  }

  get path(): string {
    return this.inner.path
  }

  size(): Promise<number> {
    return this.inner.size()
  }

  read(buffer: Buffer, position: number): Promise<number> {
    return this.meter.time(
      'read',
      () => this.inner.read(buffer, position),
      (count) => this.meter.read.add(count),
    )
  }

  write(buffers: readonly Buffer[], position: number): Promise<void> {
    let bytes = 0
    for (const { length } of buffers) bytes += length
    return this.meter.time(
      'write',
      () => this.inner.write(buffers, position),
      () => this.meter.written.add(bytes),
    )
  }

  sync(): Promise<void> {
    return this.meter.time('sync', () => this.inner.sync())
  }

  truncate(length: number): Promise<void> {
    return this.meter.time('sync', () => this.inner.truncate(length))
  }

  async prepare(from: number, to: number, how: 'fallocate' | 'zero'): Promise<void> {
    await this.meter.time('prepare', () => this.inner.prepare(from, to, how))
    if (how === 'zero') this.meter.written.add(Math.max(0, to - from))
  }

  warm(from: number, to: number, how: 'touch' | 'lock'): Promise<void> {
    return this.inner.warm(from, to, how)
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

function innerOf(file: DiskFile): DiskFile {
  return file instanceof MeasuredFile ? file.inner : file
}

class MeasuredDisk implements Disk {
  readonly inner: Disk
  readonly #meterOf: (path: string) => KindMeter

  constructor(inner: Disk, meterOf: (path: string) => KindMeter) {
    this.inner = inner
    this.#meterOf = meterOf
  }

  get supportsDsync(): boolean {
    return this.inner.supportsDsync
  }

  get supportsMapping(): boolean {
    return this.inner.supportsMapping
  }

  async open(path: string, options: OpenOptions): Promise<DiskFile> {
    return new MeasuredFile(await this.inner.open(path, options), this.#meterOf(path))
  }

  async copyRange(from: DiskFile, fromPosition: number, to: DiskFile, toPosition: number, length: number) {
    const source = this.#meterOf(from.path)
    const target = this.#meterOf(to.path)
    await target.time('copy', () => this.inner.copyRange(innerOf(from), fromPosition, innerOf(to), toPosition, length))
    source.read.add(length)
    target.written.add(length)
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    const meter = this.#meterOf(path)
    const bytes = await meter.time('read', () => this.inner.readFile(path))
    meter.read.add(bytes?.length ?? 0)
    return bytes
  }

  async replaceFile(path: string, bytes: Buffer): Promise<void> {
    const meter = this.#meterOf(path)
    await meter.time('replace', () => this.inner.replaceFile(path, bytes))
    meter.written.add(bytes.length)
  }

  space: Disk['space'] = (path) => this.inner.space(path)
  map: Disk['map'] = (path) => this.inner.map(path)
  stat: Disk['stat'] = (path) => this.inner.stat(path)
  link: Disk['link'] = (from, to) => this.inner.link(from, to)
  list: Disk['list'] = (path) => this.inner.list(path)
  makeDirectory: Disk['makeDirectory'] = (path) => this.inner.makeDirectory(path)
  rename: Disk['rename'] = (from, to) => this.inner.rename(from, to)
  remove: Disk['remove'] = (path) => this.inner.remove(path)
  syncDirectory: Disk['syncDirectory'] = (path) => this.inner.syncDirectory(path)
  failedSyncs: Disk['failedSyncs'] = (path) => this.inner.failedSyncs(path)
  lock: Disk['lock'] = (path) => this.inner.lock(path)
}

/**
 * The disk with its calls counted; the disk itself where nobody counts.
 * @param kindOf the label `kind` of a file, one of a short list
 */
export function measured(disk: Disk, metrics: Metrics, clock: Clock, kindOf: (path: string) => string): Disk {
  if (!metrics.isOn) return disk
  const meters = new Map<string, KindMeter>()
  return new MeasuredDisk(disk, (path) => {
    const kind = kindOf(path)
    const known = meters.get(kind)
    if (known !== undefined) return known
    const meter = new KindMeter(metrics, clock, kind)
    meters.set(kind, meter)
    return meter
  })
}

/** The disk behind one that is measured. */
export function unmeasured(disk: Disk): Disk {
  return disk instanceof MeasuredDisk ? disk.inner : disk
}
