/**
 * Watches a broker: once a second a tick of its life, every ten seconds the disk's growth, the groups' lag and the advice,
 * all kept for an hour and bounded. Nothing of it touches the ways of the messages.
 */

import type { Advice, DiskFigures, LiveTick } from '../console/api-types.js'
import type { Clock, Timer } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { MetricsSnapshot } from '../core/metrics/snapshot.js'
import type { Settings } from '../core/settings.js'
import { Advisor } from './advice/advisor.js'
import type { Evidence } from './advice/rule.js'
import { rules } from './advice/rules.js'
import { type DeviceProbe, medianOf } from './device-probe.js'
import { type DiskState, diskIn, figuresOf, type KeptForever, lagsIn, usedRatio } from './figures.js'
import { growthOf, hoursUntilFull, type SizeAt } from './growth.js'
import type { HostFacts } from './host.js'
import { type LagAt, LagHistory } from './lag-history.js'
import { liveTick } from './live-tick.js'
import { Ring } from './ring.js'
import { TopicGrowth } from './topic-growth.js'
import { type ReadingAt, windowOf } from './window.js'

/** Where the sampler looks. */
export interface Watched {
  readonly settings: Settings
  /** Where the logs lie. */
  readonly path: string
  readonly poolThreads: number
  snapshot(): Promise<MetricsSnapshot>
  /** The largest topics of which nothing is ever deleted. */
  keptForever(): Promise<readonly KeptForever[]>
  logs(): Pick<Evidence, 'troubledLogs' | 'checkpointFailure'>
  /** Makes a call that needs nothing but a thread of the pool. */
  callOnPool(): Promise<void>
  host(): Promise<HostFacts>
  /** Asked once, since it writes; undefined where it may not. */
  probe(): Promise<DeviceProbe | undefined>
}

export interface SamplerOptions {
  readonly clock: Clock
  readonly logger: Logger
}

const tickMs = 1000
const ticksKept = 3600
/** Every so many ticks what moves slowly is looked at. */
const slowEvery = 10
const slowKept = 360
/** Advice looks at five minutes of figures. */
const readingsKept = 31
const topicsEvery = 60
const topicPointsKept = 120
const groupsKept = 1000
const delaysKept = 60
/** After the start, so that the probe does not measure the opening. */
const probeAtTick = 5

export class Sampler {
  readonly #watched: Watched
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #ticks = new Ring<LiveTick>(ticksKept)
  readonly #readings = new Ring<ReadingAt>(readingsKept)
  readonly #used = new Ring<SizeAt>(slowKept)
  readonly #topics = new TopicGrowth(topicPointsKept)
  readonly #lags = new LagHistory({ points: slowKept, groups: groupsKept })
  readonly #poolDelays = new Ring<number>(delaysKept)
  readonly #advisor = new Advisor({ rules })
  readonly #tickListeners = new Set<(tick: LiveTick) => void>()
  readonly #adviceListeners = new Set<(advice: readonly Advice[]) => void>()
  #count = 0
  #last: ReadingAt | undefined
  #disk: DiskState | undefined
  #device: DeviceProbe | undefined
  #timer: Timer | undefined
  #working: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(watched: Watched, { clock, logger }: SamplerOptions) {
    this.#watched = watched
    this.#clock = clock
    this.#logger = logger
  }

  start(): void {
    this.#plan(0)
  }

  /** Resolves when nothing of it is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#tickListeners.clear()
    this.#adviceListeners.clear()
    await this.#working
  }

  /** The latest; null in the first second. */
  get now(): LiveTick | null {
    return this.#ticks.newest ?? null
  }

  /** Oldest first; an hour at most. */
  history(seconds: number): readonly LiveTick[] {
    return this.#ticks.latest(seconds)
  }

  /** The worst first. */
  get advice(): readonly Advice[] {
    return this.#advisor.advice
  }

  /** A point every ten seconds, oldest first; an hour at most. */
  lagOverTime(group: string): readonly LagAt[] {
    return this.#lags.of(group)
  }

  /** The growth is that of all that is used on the disk, by whomever; 0 until a minute was seen. */
  get disk(): DiskFigures {
    const { totalBytes, freeBytes } = this.#disk ?? { totalBytes: 0, freeBytes: 0 }
    const growthBytesPerHour = growthOf(this.#used.latest())?.bytesPerHour ?? 0
    const hours = this.#disk === undefined ? undefined : hoursUntilFull(freeBytes, growthBytesPerHour)
    return {
      path: this.#watched.path,
      totalBytes,
      freeBytes,
      usedRatio: this.#disk === undefined ? 0 : usedRatio(this.#disk),
      storeBytes: this.#last?.figures.storeBytes ?? 0,
      growthBytesPerHour,
      fullAtMs: hours === undefined ? null : Math.round(this.#clock.now() + hours * 3_600_000),
    }
  }

  /** What the device was found to do; undefined until the probe has run. */
  get device(): DeviceProbe | undefined {
    return this.#device
  }

  /** Until the returned call. */
  onTick(listener: (tick: LiveTick) => void): () => void {
    this.#tickListeners.add(listener)
    return () => this.#tickListeners.delete(listener)
  }

  /** Whenever what is advised was looked at anew, every ten seconds. */
  onAdvice(listener: (advice: readonly Advice[]) => void): () => void {
    this.#adviceListeners.add(listener)
    return () => this.#adviceListeners.delete(listener)
  }

  #plan(delayMs: number): void {
    if (this.#isClosed) return
    this.#timer = this.#clock.schedule(
      delayMs,
      () => {
        const begun = this.#clock.monotonic()
        // Never two at a time: where a look takes longer than a second the next begins when it has ended.
        this.#working = this.#work().then(() => this.#plan(Math.max(0, tickMs - (this.#clock.monotonic() - begun))))
      },
      { background: true },
    )
  }

  /** Never rejects: what cannot be seen once is looked for again. */
  async #work(): Promise<void> {
    try {
      const count = this.#count++
      const snapshot = await this.#watched.snapshot()
      this.#tick(snapshot)
      await this.#measurePool()
      if (count === probeAtTick) this.#device = await this.#watched.probe()
      if (count % topicsEvery === 0) this.#topics.note(this.#clock.monotonic(), await this.#watched.keptForever())
      if (count % slowEvery === 0) await this.#lookSlowly(snapshot)
    } catch (err) {
      this.#logger.debug({ err }, 'Could not look at the figures of this second.')
    }
  }

  #tick(snapshot: MetricsSnapshot): void {
    const reading = { atMs: this.#clock.monotonic(), figures: figuresOf(snapshot) }
    this.#disk = diskIn(snapshot)
    if (this.#last !== undefined) {
      const tick = liveTick(this.#clock.now(), this.#last, reading, this.#disk)
      this.#ticks.push(tick)
      for (const listener of this.#tickListeners) listener(tick)
    }
    this.#last = reading
  }

  async #measurePool(): Promise<void> {
    const begun = this.#clock.monotonic()
    await this.#watched.callOnPool()
    this.#poolDelays.push(this.#clock.monotonic() - begun)
  }

  async #lookSlowly(snapshot: MetricsSnapshot): Promise<void> {
    if (this.#last !== undefined) this.#readings.push(this.#last)
    if (this.#disk !== undefined) {
      const { totalBytes, freeBytes } = this.#disk
      this.#used.push({ timeMs: this.#clock.monotonic(), bytes: totalBytes - freeBytes })
    }
    this.#lags.note(this.#clock.now(), lagsIn(snapshot))
    this.#advisor.look(await this.#evidence(), this.#clock.monotonic(), this.#clock.now())
    for (const listener of this.#adviceListeners) listener(this.advice)
  }

  async #evidence(): Promise<Evidence> {
    const { settings, poolThreads } = this.#watched
    const delays = this.#poolDelays.latest()
    return {
      settings,
      ...this.#watched.logs(),
      window: windowOf(this.#readings.oldest, this.#readings.newest),
      disk: this.#disk,
      diskGrowth: growthOf(this.#used.latest()),
      keptForever: this.#topics.keptForever(),
      lags: this.#lags.groups().map((group) => ({ group, history: this.#lags.of(group) })),
      pool:
        delays.length === 0
          ? undefined
          : { threads: poolThreads, samples: delays.length, medianDelayMs: medianOf(delays) },
      device: this.#device,
      host: await this.#watched.host(),
    }
  }
}
