/**
 * Which messages a consumer asks for by their tags: an expression in RocketMQ's language of tags, `tagA || tagB`, read
 * into a filter that a log can apply to its index of tags and a reader to the message itself.
 *
 * Source of the language: Apache RocketMQ 5.3, FilterAPI and SubscriptionData. It is read strictly here: what RocketMQ
 * would take for a strange tag, as `a && b`, is most likely meant as something else, and would match nothing for good.
 */

import { HoldfastError } from '../core/errors.js'
import { javaHash } from '../core/java-hash.js'
import type { TagFilter } from './partition-log.js'

/** White space, control characters, and what an expression, here or in SQL92, gives a meaning. */
const forbidden = /[\s\p{Cc}|&!()<>=*'"]/u

/** What {@link isTag} says, in words. */
export const tagRule = `a tag is not empty and holds no white space, no control characters and none of | & ! ( ) < > = * ' "`

/** Whether a message may bear this tag: so that every tag can be asked for. */
export function isTag(text: string): boolean {
  return text !== '' && !forbidden.test(text)
}

/**
 * The filter of an expression; undefined where it lets everything through: `*`.
 * @throws INVALID_ARGUMENT with what an expression may be
 */
export function parseTagExpression(expression: string): TagFilter | undefined {
  if (expression.trim() === '*') return undefined
  const tags = expression.split('||').map((tag) => tag.trim())
  const wrong = tags.find((tag) => !isTag(tag))
  if (wrong !== undefined) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `The tag expression ${JSON.stringify(expression)} is not understood at ${JSON.stringify(wrong)}: give '*', a tag, or tags joined by '||' as in 'tagA || tagB'; ${tagRule}.`,
    )
  }
  return new Tags(tags)
}

class Tags implements TagFilter {
  readonly codes: ReadonlySet<number>
  readonly #tags: ReadonlySet<string>

  constructor(tags: readonly string[]) {
    this.#tags = new Set(tags)
    this.codes = new Set(tags.map((tag) => javaHash(tag)))
  }

  matches(tags: string | undefined): boolean {
    return tags !== undefined && this.#tags.has(tags)
  }
}
