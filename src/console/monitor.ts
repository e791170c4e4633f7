/** Live figures and advice, as the console shows them; what watches the broker gives them. */

import type { Advice, DiskFigures, LiveTick } from './api-types.js'

export interface Monitor {
  /** The latest second; null in the first. */
  readonly now: LiveTick | null
  /** The worst first. */
  readonly advice: readonly Advice[]
  readonly disk: DiskFigures
  /** Oldest first. */
  history(seconds: number): readonly LiveTick[]
  lagOverTime(group: string): readonly { readonly timeMs: number; readonly lag: number }[]
  /** Until the returned call. */
  onTick(listener: (tick: LiveTick) => void): () => void
  onAdvice(listener: (advice: readonly Advice[]) => void): () => void
}

/** Metrics as text for Prometheus. */
export interface MetricsText {
  contentType(): Promise<string>
  text(): Promise<string>
}
