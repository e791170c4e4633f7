/** What the message browser is asked for, as it stands in the address bar, so that a view can be sent to somebody. */

export const startings = ['newest', 'oldest', 'offset', 'time', 'key', 'id'] as const
export type Starting = (typeof startings)[number]

export interface Browse {
  readonly partition: number | null
  readonly by: Starting
  /** The offset, time (ms since 1970), key or id; empty for the newest and oldest. */
  readonly at: string
  readonly tags: string
  readonly limit: number
}

export const limits = [20, 50, 100, 200, 500] as const

export const newest: Browse = { partition: null, by: 'newest', at: '', tags: '', limit: 50 }

/** Anything that is not understood is left out, since addresses are also typed by hand. */
export function browseOf(parameters: URLSearchParams): Browse {
  const by = startings.find((name) => name === parameters.get('by')) ?? 'newest'
  const limit = Number(parameters.get('limit') ?? newest.limit)
  return {
    partition: wholeNumber(parameters.get('partition')),
    by,
    at: parameters.get('at') ?? '',
    tags: parameters.get('tags') ?? '',
    limit: limits.find((allowed) => allowed === limit) ?? newest.limit,
  }
}

export function parametersOf(browse: Browse): URLSearchParams {
  const parameters = new URLSearchParams()
  if (browse.partition !== null) parameters.set('partition', String(browse.partition))
  if (browse.by !== 'newest') parameters.set('by', browse.by)
  if (browse.at !== '') parameters.set('at', browse.at)
  if (browse.tags !== '') parameters.set('tags', browse.tags)
  if (browse.limit !== newest.limit) parameters.set('limit', String(browse.limit))
  return parameters
}

/** The query of the API, or what is wrong with what was typed. */
export function requestOf(browse: Browse): { readonly query: URLSearchParams } | { readonly problem: string } {
  const query = new URLSearchParams({ limit: String(browse.limit) })
  if (browse.partition !== null) query.set('partition', String(browse.partition))
  if (browse.tags !== '') query.set('tags', browse.tags)
  switch (browse.by) {
    case 'newest':
      break
    case 'oldest':
      query.set('offset', '0')
      break
    case 'offset': {
      const offset = wholeNumber(browse.at)
      if (offset === null) return { problem: 'An offset is a whole number, 0 or more.' }
      query.set('offset', String(offset))
      break
    }
    case 'time': {
      const time = wholeNumber(browse.at)
      if (time === null) return { problem: 'Choose a date and a time of day to begin at.' }
      query.set('time', String(time))
      break
    }
    default:
      if (browse.at === '') return { problem: `Type the ${browse.by} to look for.` }
      query.set(browse.by, browse.at)
  }
  return { query }
}

export function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** For `<input type="datetime-local">`, which knows local time alone. */
export function localInputOf(timeMs: number): string {
  const date = new Date(timeMs)
  return new Date(timeMs - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
