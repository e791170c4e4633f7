/**
 * JSON as the configuration files of RocketMQ hold it: keys that are integers come without quotes there (`{0:123}`), which
 * JSON.parse refuses. Objects are Maps, which keep the order of such keys and know no `__proto__`; whole numbers beyond
 * 2^53 are bigints, so that what is only read to be written again does not change.
 *
 * Source: the files that fastjson 1.x writes in Apache RocketMQ 5.3 (RemotingSerializable.toJson).
 */

export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject
export type JsonObject = Map<string, JsonValue>

/** Deeper nesting is refused, before it is a matter of how large the stack is. */
const deepest = 200

const spaces = /[ \t\n\r]*/y
const numberLiteral = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const integerKey = /-?(?:0|[1-9]\d*)/y
const wordLiterals: readonly (readonly [string, null | boolean])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
]

/** Takes every JSON text, and unquoted integer keys. @throws SyntaxError that says where */
export function parseLenientJson(text: string): JsonValue {
  return new Parser(text).document()
}

/** JSON in the form of the original's files, one tab a level. Keys are quoted, which the original reads as well. */
export function formatJson(value: JsonValue, indent = ''): string {
  if (typeof value === 'bigint') return String(value)
  if (!(value instanceof Map) && !Array.isArray(value)) return JSON.stringify(value)
  const inner = `${indent}\t`
  const isObject = value instanceof Map
  const items = isObject
    ? [...value].map(([key, item]) => `${JSON.stringify(key)}:${formatJson(item, inner)}`)
    : value.map((item) => formatJson(item, inner))
  const [open, close] = isObject ? '{}' : '[]'
  return items.length === 0 ? open + close : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`
}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonValue {
    const value = this.#value()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  /** A value and the white space on both sides of it. */
  #value(): JsonValue {
    this.#skipSpaces()
    const value = this.#bareValue()
    this.#skipSpaces()
    return value
  }

  #bareValue(): JsonValue {
    const first = this.#text[this.#at]
    if (first === '{') return this.#nested(() => this.#object())
    if (first === '[') return this.#nested(() => this.#array())
    if (first === '"') return this.#string()
    for (const [word, value] of wordLiterals) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#number()
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > deepest) throw this.#error(`it is nested deeper than ${deepest} levels`)
    const value = parse()
    this.#depth--
    return value
  }

  #object(): JsonObject {
    const entries: JsonObject = new Map()
    this.#list('}', () => {
      this.#skipSpaces()
      const key = this.#text[this.#at] === '"' ? this.#string() : this.#match(integerKey)
      if (key === undefined) throw this.#unexpected()
      this.#skipSpaces()
      if (!this.#take(':')) throw this.#unexpected()
      // As JSON.parse has it: the place of the first, the value of the last.
      entries.set(key, this.#value())
    })
    return entries
  }

  #array(): JsonValue[] {
    const items: JsonValue[] = []
    this.#list(']', () => items.push(this.#value()))
    return items
  }

  /** From the opening bracket to behind the closing one. */
  #list(close: string, item: () => void): void {
    this.#at++
    this.#skipSpaces()
    if (this.#take(close)) return
    do item()
    while (this.#take(','))
    if (!this.#take(close)) throw this.#unexpected()
  }

  #string(): string {
    let end = this.#at + 1
    for (; this.#text[end] !== '"'; end += this.#text[end] === '\\' ? 2 : 1) {
      if (end >= this.#text.length) throw this.#error('a string does not end')
    }
    const literal = this.#text.slice(this.#at, end + 1)
    try {
      const value = JSON.parse(literal) as string
      this.#at = end + 1
      return value
    } catch {
      throw this.#error('a string holds a control character or an escape that there is not')
    }
  }

  #number(): number | bigint {
    const literal = this.#match(numberLiteral)
    if (literal === undefined) throw this.#unexpected()
    const value = Number(literal)
    if (!Number.isFinite(value)) throw this.#error(`${literal.slice(0, 40)} is too large`)
    return Number.isSafeInteger(value) || !/^-?\d+$/.test(literal) ? value : BigInt(literal)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    this.#at += found?.length ?? 0
    return found
  }

  #skipSpaces(): void {
    this.#match(spaces)
  }

  #take(character: string): boolean {
    const isThere = this.#text[this.#at] === character
    if (isThere) this.#at++
    return isThere
  }

  #unexpected(): SyntaxError {
    const found = this.#text[this.#at]
    return this.#error(found === undefined ? 'it ends early' : `${JSON.stringify(found)} is not expected there`)
  }

  #error(why: string): SyntaxError {
    const before = this.#text.slice(0, this.#at).split('\n')
    return new SyntaxError(`line ${before.length}, column ${before[before.length - 1].length + 1}: ${why}`)
  }
}
