/** Work that ends together. */

/**
 * Runs all of `works` beside one another. As soon as one ends, or `signal` is aborted, the others are told to end too;
 * resolves when all have.
 * @throws what the first of them threw, unless it had been told to end
 */
export async function together(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  let failure: { readonly reason: unknown } | undefined
  const run = async (work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    try {
      await work(ended.signal)
    } catch (reason) {
      // What fails later fails since it was told to end.
      if (!ended.signal.aborted) failure = { reason }
    } finally {
      end()
    }
  }
  await Promise.all(works.map(run))
  signal.removeEventListener('abort', end)
  if (failure !== undefined) throw failure.reason
}
