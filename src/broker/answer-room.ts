/**
 * Room in memory for the records of one fetch, as far as they are copies: what a log lends takes none.
 *
 * Taken before a read, for the most that may come of it; brought down to what was read; and given back by whoever knows
 * when the answer has left.
 */

export interface AnswerRoom {
  /**
   * Room for the records of one read: how many bytes of those that are `wanted` may be read, one batch being let through
   * that is larger. 0 where there is none, or others wait for it.
   */
  take(wanted: number): number
  /** The same, waited for until `giveUp`; 0 where there was none in all that time. */
  takeInTurn(wanted: number, giveUp: AbortSignal): Promise<number>
  /** So much was read. */
  settle(bytes: number): void
}
