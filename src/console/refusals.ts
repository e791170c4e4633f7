/** What is refused, and how that is told over HTTP: a status, and a code with a sentence as JSON. */

import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { asHoldfastError, type ErrorCode, HoldfastError } from '../core/errors.js'
import type { ApiError } from './api-types.js'

/** The codes that only the console has, with their statuses. */
const consoleStatus = {
  TOKEN_REQUIRED: 401,
  FORBIDDEN_HOST: 421,
  FORBIDDEN_ORIGIN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  BODY_TOO_LARGE: 413,
  QUERY_TOO_LONG: 414,
  NOT_JSON: 415,
  TOO_MANY_REQUESTS: 429,
  TOO_MANY_STREAMS: 429,
  TIMED_OUT: 503,
} as const satisfies Record<string, ContentfulStatusCode>

export type ConsoleErrorCode = keyof typeof consoleStatus

export class ConsoleError extends Error {
  override readonly name = 'ConsoleError'
  readonly code: ConsoleErrorCode

  constructor(code: ConsoleErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Of the broker's own codes those that are not 400 (the request is wrong) or 503 (it may be tried again). */
const brokerStatus: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 404,
  GROUP_ID_NOT_FOUND: 404,
  TOPIC_ALREADY_EXISTS: 409,
  NON_EMPTY_GROUP: 409,
  POLICY_VIOLATION: 403,
  MESSAGE_TOO_LARGE: 413,
  RECORD_LIST_TOO_LARGE: 413,
  CLOSED: 503,
  LOG_DAMAGED: 500,
  CORRUPT_MESSAGE: 500,
  UNKNOWN_SERVER_ERROR: 500,
}

/** How anything thrown is answered. What was not foreseen keeps its reason to itself: it is in the log. */
export function refusalOf(thrown: unknown): { status: ContentfulStatusCode; body: ApiError } {
  if (thrown instanceof ConsoleError) {
    return { status: consoleStatus[thrown.code], body: { code: thrown.code, message: thrown.message } }
  }
  const error = asHoldfastError(thrown)
  const status = brokerStatus[error.code] ?? (error.retriable ? 503 : 400)
  return { status, body: { code: error.code, message: error.message } }
}

export function invalid(message: string): HoldfastError {
  return new HoldfastError('INVALID_ARGUMENT', message)
}
