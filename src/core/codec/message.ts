/** A message with versions: one schema, compiled per version when first used, with errors that name the message and the field. */

import { HoldfastError } from '../errors.js'
import { type Codec, compile } from './compile.js'
import { Fault } from './fault.js'
import { Reader, type ReaderOptions } from './reader.js'
import type { Field, Infer, InferInput } from './schema.js'
import { Writer } from './writer.js'

export interface MessageDeclaration<F extends Field> {
  /** What errors call it, e.g. "Produce request". */
  readonly name: string
  /** The first and the last version that are implemented. */
  readonly versions: readonly [first: number, last: number]
  /** The first version with compact lengths and tagged fields; Infinity for none. */
  readonly flexibleFrom: number
  readonly schema: F
}

export interface DecodeOptions extends ReaderOptions {
  /** Bytes after the end of the message are an error unless this is set. */
  allowTrailing?: boolean
}

export class Message<F extends Field = Field> {
  readonly name: string
  readonly versions: readonly [first: number, last: number]
  readonly flexibleFrom: number
  readonly schema: F
  readonly #codecs: Codec[] = []

  constructor(declaration: MessageDeclaration<F>) {
    this.name = declaration.name
    this.versions = declaration.versions
    this.flexibleFrom = declaration.flexibleFrom
    this.schema = declaration.schema
  }

  supports(version: number): boolean {
    return version >= this.versions[0] && version <= this.versions[1]
  }

  isFlexible(version: number): boolean {
    return version >= this.flexibleFrom
  }

  /**
   * The value in `buffer`, from `options.offset` to its end. Byte fields are views of `buffer`.
   * Throws INVALID_REQUEST (with the path of the field) for malformed bytes, UNSUPPORTED_VERSION for a version not ours.
   */
  decode(buffer: Buffer, version: number, options: DecodeOptions = {}): Infer<F> {
    const reader = new Reader(buffer, options)
    const value = this.read(reader, version)
    if (reader.remaining > 0 && !options.allowTrailing) {
      throw this.#explain(new Fault(`ends ${reader.remaining} bytes before its frame does`), version, 'INVALID_REQUEST')
    }
    return value
  }

  /** The value at the reader's position; what follows it is left. Throws as {@link decode}. */
  read(reader: Reader, version: number): Infer<F> {
    const codec = this.#codec(version)
    try {
      return codec.read(reader) as Infer<F>
    } catch (error) {
      throw this.#explain(error, version, 'INVALID_REQUEST')
    }
  }

  /** Writes `value`. Throws INVALID_ARGUMENT (with the path of the field) for a value that does not fit the schema. */
  write(writer: Writer, value: InferInput<F>, version: number): void {
    const codec = this.#codec(version)
    try {
      codec.write(writer, value)
    } catch (error) {
      throw this.#explain(error, version, 'INVALID_ARGUMENT')
    }
  }

  /** The bytes of `value`, in chunks; byte fields of 4 KiB and more are among them uncopied. Throws as {@link write}. */
  encode(value: InferInput<F>, version: number): Buffer[] {
    const writer = new Writer()
    this.write(writer, value, version)
    return writer.chunks()
  }

  #codec(version: number): Codec {
    const compiled = this.#codecs[version]
    if (compiled !== undefined) return compiled
    if (!this.supports(version)) {
      const [first, last] = this.versions
      throw new HoldfastError(
        'UNSUPPORTED_VERSION',
        `${this.name}: version ${version} is not between ${first} and ${last}.`,
      )
    }
    const codec = compile(this.schema, { version, flexible: this.isFlexible(version) })
    this.#codecs[version] = codec
    return codec
  }

  #explain(error: unknown, version: number, code: 'INVALID_REQUEST' | 'INVALID_ARGUMENT'): unknown {
    if (!(error instanceof Fault)) return error
    const subject = error.path === '' ? 'the message' : error.path
    return new HoldfastError(code, `${this.name} v${version}: ${subject} ${error.message}.`, { cause: error })
  }
}

/** Declares a message. */
export function message<F extends Field>(declaration: MessageDeclaration<F>): Message<F> {
  return new Message(declaration)
}
