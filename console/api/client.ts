/** Requests to the broker's HTTP API. What it answers is typed by the contract that the server keeps. */

import { signal } from '@preact/signals'
import type { ApiError } from '../../src/console/api-types.js'

/** An answer that is not a success, with the broker's own code and words. */
export class RequestFailed extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, { code, message }: ApiError) {
    super(message)
    this.name = 'RequestFailed'
    this.status = status
    this.code = code
  }
}

const storageKey = 'holdfast.token'

/** Set when the broker asks who we are; the frame then asks the user for a token. */
export const tokenWanted = signal(false)
/** Grows with every token that is entered, so that what failed for want of one is asked again. */
export const tokenGeneration = signal(0)

/** For as long as the tab lives. */
let token = readToken()

function readToken(): string | null {
  try {
    return sessionStorage.getItem(storageKey)
  } catch {
    return null
  }
}

export function enterToken(entered: string): void {
  token = entered
  try {
    sessionStorage.setItem(storageKey, entered)
  } catch {
    // Kept for this page alone.
  }
  tokenWanted.value = false
  tokenGeneration.value++
}

/** A request with what every request carries; throws {@link RequestFailed}. The paths are relative to the page. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('x-holdfast-console', '1')
  if (token) headers.set('authorization', `Bearer ${token}`)
  let response: Response
  try {
    response = await fetch(path, { ...init, headers, cache: 'no-store', redirect: 'error' })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new RequestFailed(0, { code: 'UNREACHABLE', message: 'The broker does not answer. Is it running?' })
  }
  if (response.ok) return response
  if (response.status === 401) tokenWanted.value = true
  throw new RequestFailed(response.status, await readError(response))
}

async function readError(response: Response): Promise<ApiError> {
  try {
    const body: unknown = await response.json()
    if (isApiError(body)) return body
  } catch {
    // Not the broker's own words; a proxy between may have answered.
  }
  return { code: `HTTP_${response.status}`, message: response.statusText || 'The request was refused.' }
}

function isApiError(body: unknown): body is ApiError {
  return typeof body === 'object' && body !== null && 'code' in body && 'message' in body
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, { signal })
  return (await response.json()) as T
}

/** POST, PATCH or DELETE. `undefined` where the answer is empty. */
export async function change<T = void>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const response = await send(path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** `api/topics/…`: a path of the API with its segments encoded. */
export function apiPath(...segments: readonly (string | number)[]): string {
  return ['api', ...segments.map((segment) => encodeURIComponent(segment))].join('/')
}
