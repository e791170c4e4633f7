/** Searching a log through many segments, while some of them may be removed. */

/** Searches again where the log was told to begin elsewhere meanwhile: a file that was to be looked at may be gone. */
export async function whileNothingIsRemoved<T>(
  log: { readonly logStartOffset: number },
  search: (logStartOffset: number) => Promise<T>,
): Promise<T> {
  for (;;) {
    const { logStartOffset } = log
    try {
      return await search(logStartOffset)
    } catch (error) {
      if (log.logStartOffset === logStartOffset) throw error
    }
  }
}
