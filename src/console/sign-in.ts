/**
 * The token, and the cookie that stands for it in a browser. The cookie says until when it holds and is signed with a key
 * that lives as long as the process: nothing is kept for those who are signed in.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { getCookie, setCookie } from 'hono/cookie'
import type { Clock } from '../core/clock.js'
import type { Randomness } from '../core/randomness.js'
import type { Session } from './api-types.js'
import { fieldsOf, onlyFields, textField } from './bodies.js'
import type { ConsoleApp, ConsoleContext } from './context.js'
import { ConsoleError } from './refusals.js'

export interface SignInOptions {
  readonly token: string | undefined
  readonly clock: Clock
  readonly randomness: Randomness
  readonly isSecure: boolean
}

const validMs = 12 * 3_600_000
const mostFailures = 20
const failureWindowMs = 10_000

export class SignIn {
  readonly #options: SignInOptions
  readonly #digest: Buffer | undefined
  readonly #key: Buffer
  /** Wrong tokens since then. */
  #failures = 0
  #failuresSinceMs = 0

  constructor(options: SignInOptions) {
    this.#options = options
    this.#key = options.randomness.bytes(32)
    this.#digest = options.token === undefined ? undefined : digestOf(options.token)
  }

  get isRequired(): boolean {
    return this.#digest !== undefined
  }

  /** Whether the request itself carries the token. */
  hasToken(c: ConsoleContext): boolean {
    const given = /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    return given !== undefined && this.#isToken(given)
  }

  /** Whether the request comes from somebody who has signed in, or nobody has to. */
  isSignedIn(c: ConsoleContext): boolean {
    if (!this.isRequired) return true
    const [until, signature] = (getCookie(c, cookieName(c)) ?? '').split('.')
    if (signature === undefined || !/^\d{1,16}$/.test(until)) return false
    return (
      isEqual(Buffer.from(signature), Buffer.from(this.#signatureOf(until))) &&
      Number(until) > this.#options.clock.now()
    )
  }

  addTo(app: ConsoleApp): void {
    app.get('/api/session', (c) => c.json(this.#session(this.isSignedIn(c) || this.hasToken(c))))
    app.post('/api/session', async (c) => {
      const fields = await fieldsOf(c, 4096)
      onlyFields(fields, ['token'])
      this.#check(textField(fields, 'token') ?? '')
      const until = String(this.#options.clock.now() + validMs)
      this.#setCookie(c, `${until}.${this.#signatureOf(until)}`, validMs)
      return c.json(this.#session(true))
    })
    app.delete('/api/session', (c) => {
      this.#setCookie(c, '', 0)
      return c.body(null, 204)
    })
  }

  /** Guessing is slowed down for all together, since addresses are cheap. */
  #check(given: string): void {
    if (!this.isRequired) return
    const { clock } = this.#options
    if (clock.monotonic() - this.#failuresSinceMs > failureWindowMs) {
      this.#failures = 0
      this.#failuresSinceMs = clock.monotonic()
    }
    if (this.#failures >= mostFailures) {
      throw new ConsoleError('TOO_MANY_REQUESTS', 'Too many wrong tokens; try again in some seconds.')
    }
    if (this.#isToken(given)) return
    this.#failures++
    throw new ConsoleError('TOKEN_REQUIRED', 'That is not the token.')
  }

  /** Digests have one length, so that the comparison takes as long for every guess. */
  #isToken(given: string): boolean {
    return this.#digest !== undefined && timingSafeEqual(digestOf(given), this.#digest)
  }

  #signatureOf(until: string): string {
    return createHmac('sha256', this.#key).update(until).digest('base64url')
  }

  #session(signedIn: boolean): Session {
    return { tokenRequired: this.isRequired, signedIn }
  }

  #setCookie(c: ConsoleContext, value: string, maxAgeMs: number): void {
    setCookie(c, cookieName(c), value, {
      httpOnly: true,
      sameSite: 'Strict',
      secure: this.#options.isSecure,
      path: '/',
      maxAge: maxAgeMs / 1000,
    })
  }
}

/** Cookies know no ports: of two consoles on one machine each has its own. */
function cookieName(c: ConsoleContext): string {
  return `holdfast-${c.env.incoming.socket.localPort}`
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
