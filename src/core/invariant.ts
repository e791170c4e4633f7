/** Assertions that stay on in production: they run per batch, never per record. */

/** Thrown when the program itself is wrong. Never caught to go on; the operation it broke is abandoned. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws unless `condition` holds. `what` is the sentence that must be true. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new InvariantError(`Must hold: ${what}`)
}
