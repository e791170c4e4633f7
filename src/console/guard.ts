/**
 * Who may ask: the checks before any endpoint. They hold against pages of other sites in the browser of somebody who can
 * reach this port, which is more than the address it listens on keeps out:
 *
 * - Host. A name that another site has pointed at this address (DNS rebinding) is not among those that are answered.
 *   Addresses are: no site can be at an address that is not its own.
 * - Origin and Sec-Fetch-Site. What a browser says came from another site is refused, reading as well as writing.
 * - A header of ours on all that changes something: no form can send it, and another site's script only if asked before,
 *   which is refused.
 * - The token, where there is one: as `Authorization: Bearer`, or by the cookie of somebody who has signed in.
 */

import type { MiddlewareHandler } from 'hono'
import type { ConsoleContext, ConsoleEnvironment } from './context.js'
import { ConsoleError } from './refusals.js'
import type { SignIn } from './sign-in.js'

/** What a request that changes something carries. */
export const changeHeader = 'x-holdfast-console'

const longestQuery = 8192
const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD'])
const unsignedPaths: ReadonlySet<string> = new Set(['/api/session', '/health', '/health/ready'])

export interface GuardOptions {
  readonly signIn: SignIn
  /** Names that the Host header may have beside this machine's own and addresses. */
  readonly hosts: readonly string[]
}

export function guard({ signIn, hosts }: GuardOptions): MiddlewareHandler<ConsoleEnvironment> {
  const names = new Set(['localhost', ...hosts.map((host) => host.toLowerCase())])
  return async (c, next) => {
    if ((c.env.incoming.url ?? '').length > longestQuery) {
      throw new ConsoleError('QUERY_TOO_LONG', `The address is longer than ${longestQuery} characters.`)
    }
    // Who has the token in hand is no browser that was lured here.
    const hasToken = signIn.hasToken(c)
    if (!hasToken) checkHost(c, names)
    checkSite(c)
    const { path } = c.req
    const isOpen = unsignedPaths.has(path) || !(path.startsWith('/api/') || path === '/metrics')
    if (!isOpen && !hasToken && !signIn.isSignedIn(c)) {
      throw new ConsoleError('TOKEN_REQUIRED', 'A token is required: sign in, or send it as Authorization: Bearer.')
    }
    if (!readingMethods.has(c.req.method) && !hasToken && c.req.header(changeHeader) === undefined) {
      throw new ConsoleError('FORBIDDEN_ORIGIN', `What changes something carries the header ${changeHeader}.`)
    }
    await next()
  }
}

function checkHost(c: ConsoleContext, names: ReadonlySet<string>): void {
  const host = c.env.incoming.headers.host
  const name = host === undefined ? undefined : hostName(host)
  if (name !== undefined && (isAddress(name) || names.has(name) || name.endsWith('.localhost'))) return
  const shown = JSON.stringify(host ?? '').slice(0, 200)
  throw new ConsoleError(
    'FORBIDDEN_HOST',
    `This server is not asked by the name ${shown}: use its address, or allow the name with --http-allow-host.`,
  )
}

/** The name in a Host header, in small letters, without its port; undefined where it is none. */
export function hostName(host: string): string | undefined {
  const match = /^(\[[0-9a-f:.%]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host)
  return match?.[1].toLowerCase().replace(/\.$/, '')
}

function isAddress(name: string): boolean {
  return name.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(name)
}

function checkSite(c: ConsoleContext): void {
  const refused = () => new ConsoleError('FORBIDDEN_ORIGIN', 'Pages of other sites are not answered.')
  const { origin, host } = c.env.incoming.headers
  if (origin !== undefined && !isSameHost(origin, host)) throw refused()
  const site = c.req.header('sec-fetch-site')
  if (site === undefined || site === 'same-origin' || site === 'none') return
  // A link on another page may lead to the console itself.
  const isVisit = c.req.header('sec-fetch-mode') === 'navigate' && c.req.method === 'GET'
  if (!isVisit || c.req.path.startsWith('/api/')) throw refused()
}

function isSameHost(origin: string, host: string | undefined): boolean {
  try {
    const { protocol, host: named } = new URL(origin)
    return host !== undefined && new URL(`${protocol}//${host}`).host === named
  } catch {
    return false
  }
}
