/** What is wrong with a message and where in it: thrown inside the codec, turned into a HoldfastError at its door. */

/**
 * A fault in the bytes or in the value of a message. The path is gathered while the fault rises through the structs
 * and arrays around it, so that reading and writing keep no account of where they are.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  #path = ''

  /** Where it lies, e.g. `topics[3].partitions[0].records`; empty for the message itself. */
  get path(): string {
    return this.#path
  }

  /** Puts the name of the surrounding field (a string) or the position in the surrounding array (a number) in front. */
  within(step: string | number): this {
    const own = typeof step === 'number' ? `[${step}]` : step
    this.#path = this.#path === '' || this.#path.startsWith('[') ? own + this.#path : `${own}.${this.#path}`
    return this
  }
}

/** The error to throw on from a catch: a fault learns the step, anything else passes untouched. */
export function within(error: unknown, step: string | number): unknown {
  return error instanceof Fault ? error.within(step) : error
}
