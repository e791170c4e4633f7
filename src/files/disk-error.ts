/** Turns the system's errors into ours, with the path and the operation, so that no caller reads an errno. */

import { HoldfastError } from '../core/errors.js'

const readOnlyErrnos: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM'])
const fullErrnos: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const outOfDescriptorsErrnos: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE'])

/** The system's name for an error, e.g. "ENOENT". */
export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code
}

/** Whether an error of ours says that no descriptor was left to open something with: nothing was tried, nothing is lost. */
export function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof HoldfastError && outOfDescriptorsErrnos.has(errnoOf(error.cause) ?? '')
}

/** Whether an error of ours says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof HoldfastError && errnoOf(error.cause) === 'ENOENT'
}

/** `doing` completes "Could not …", e.g. "write". */
export function diskError(error: unknown, doing: string, path: string): HoldfastError {
  if (error instanceof HoldfastError) return error
  const errno = errnoOf(error) ?? ''
  if (fullErrnos.has(errno)) {
    return new HoldfastError('DISK_FULL', `Could not ${doing} ${path}: no space is left (${errno}). Free some space.`, {
      cause: error,
    })
  }
  if (readOnlyErrnos.has(errno)) {
    return new HoldfastError(
      'DATA_DIR_READ_ONLY',
      `Could not ${doing} ${path}: it is not writable for this process (${errno}).`,
      { cause: error },
    )
  }
  return new HoldfastError('DISK_FAILED', `Could not ${doing} ${path}: ${(error as Error)?.message ?? String(error)}`, {
    cause: error,
  })
}
