/** What people write: settings files and tag expressions; and what consumers of a group write to each other. */

import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/client/consumer-protocol.js'
import { givenSettings, layerSettings } from '../../src/core/settings.js'
import { parseSettingsFile } from '../../src/core/settings-file.js'
import { codeOrigin } from '../../src/core/settings-origin.js'
import { parseTagExpression } from '../../src/storage/tag-expression.js'
import { Broken, type Target } from '../target.js'

/** A file of settings in either form, and the values in it. */
export const settings: readonly Target[] = ['properties', 'json'].map((form) => ({
  name: `settings-${form}`,
  files: ['src/core/settings'],
  seeds: [
    Buffer.from('# a\nflush.mode=SYNC_FLUSH\nsegment.bytes: 1048576\ncompression.type\\\n = zstd\na\\u0041=1\n'),
    Buffer.from('{ "segment.bytes": 1048576, "compression.type": "zstd", "x": true }'),
  ],
  words: [
    '\\',
    '\\u',
    '\n',
    '\r\n',
    '=',
    ':',
    '"',
    '{',
    '}',
    ',',
    'true',
    '-1',
    '9007199254740993',
    '__proto__',
    '\\\\\\\\',
  ],
  run(bytes) {
    const entries = parseSettingsFile(`a.${form}`, bytes)
    layerSettings(givenSettings(Object.fromEntries(entries.map(({ name, value }) => [name, value])), codeOrigin))
  },
}))

/** Every tag that an expression names is let through by its filter. */
export const tagExpressions: Target = {
  name: 'tag-expressions',
  files: ['src/storage/tag-expression', 'src/core/java-hash'],
  seeds: [Buffer.from('tagA || tagB'), Buffer.from('*'), Buffer.from('t')],
  words: ['||', ' || ', '*', '|', '&&'],
  run(bytes) {
    const expression = bytes.toString('utf8')
    const filter = parseTagExpression(expression)
    if (filter === undefined) return
    for (const tag of expression.split('||')) {
      if (!filter.matches(tag.trim())) throw new Broken(`the filter of ${expression} does not let ${tag} through`)
    }
  },
}

/** Subscriptions and assignments, as our own consumers read them. */
export const consumerProtocol: Target = {
  name: 'consumer-protocol',
  files: ['src/client/consumer-protocol', 'src/core/codec/'],
  seeds: [encodeSubscription(['a', 'topic']), encodeAssignment(new Map([['topic', [0, 1, 2]]]))],
  words: ['\0\0\0\x01', '\0\x01t', '\xff\xff'],
  run(bytes) {
    let refusal: unknown
    for (const decode of [decodeSubscription, decodeAssignment]) {
      try {
        decode(bytes)
      } catch (error) {
        if (!(error instanceof Error && error.name === 'HoldfastError')) throw error
        refusal = error
      }
    }
    if (refusal !== undefined) throw refusal
  },
}
