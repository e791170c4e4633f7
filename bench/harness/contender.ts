/** What takes turns in a case: something that works for a while and says how much it did. */

export interface BlockResult {
  /** In the unit of the case. */
  readonly value: number
  /** More of the same block by name: percentiles in ms, delays, counts. */
  readonly detail: Readonly<Record<string, number>>
}

export interface Contender {
  /** What the others have to know, as the port it listens on. */
  readonly info?: Readonly<Record<string, number | string>>
  /** Called before each block, outside its time. */
  prepare?(): Promise<void>
  block(ms: number): Promise<BlockResult>
  close(): Promise<void>
}

/** Options travel to another process, so they are plain values. */
export type Options = Readonly<Record<string, unknown>>

/** How a module of `contenders/` begins, in the process that is its own. */
export type Start = (options: Options) => Promise<Contender>

export interface Spec {
  readonly label: string
  /** The floor is what the ratios of all are taken to; peers are what a user would take instead. */
  readonly role: 'ours' | 'floor' | 'peer' | 'reference'
  readonly start: () => Promise<Contender>
}
