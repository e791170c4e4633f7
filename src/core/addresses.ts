/** Where a cluster is found first: a list of its brokers, any of which is enough. */

import { HoldfastError } from './errors.js'

export interface Address {
  readonly host: string
  readonly port: number
}

const scheme = 'kafka://'
const defaultPort = 9092

/**
 * The brokers of `HOST:PORT,HOST:PORT` or `kafka://HOST:PORT,HOST`; in a URL the port may be left out, which is 9092 then.
 * An IPv6 host stands in brackets.
 * @throws INVALID_ARGUMENT
 */
export function parseBrokers(text: string): readonly Address[] {
  const isUrl = text.toLowerCase().startsWith(scheme)
  const list = (isUrl ? text.slice(scheme.length).replace(/\/$/, '') : text).split(',')
  const addresses = list.map((each) => parseAddress(each.trim(), isUrl, text))
  const seen = new Map(addresses.map((address) => [addressText(address), address]))
  return [...seen.values()]
}

/** `host:port`, an IPv6 host in brackets. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseAddress(text: string, portMayBeAbsent: boolean, whole: string): Address {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/@?#\s]+)(?::(\d{1,5}))?$/.exec(text)
  const port = match?.[2] === undefined && portMayBeAbsent ? defaultPort : Number(match?.[2] ?? Number.NaN)
  if (match !== null && port <= 65_535) return { host: match[1].replace(/^\[|\]$/g, ''), port }
  const hint = text.includes('@') ? ' A user and a password are options, and no part of the address.' : ''
  const shown = text === whole ? JSON.stringify(text) : `${JSON.stringify(text)} in ${JSON.stringify(whole)}`
  throw new HoldfastError('INVALID_ARGUMENT', `${shown} is no address: it must be HOST:PORT.${hint}`)
}
