/** How far a message's own time may be from the broker's. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveSettings } from '../../src/core/settings.js'
import { BatchBuilder } from '../../src/records/builder.js'
import { timeBounds } from '../../src/records/time-bounds.js'
import { verifyBuiltBatch, verifyProducedBatch } from '../../src/records/verify.js'

const now = 1_700_000_000_000
const hour = 3_600_000

function verdict(given: Record<string, unknown>, timestamps: readonly number[]): (string | undefined)[] {
  const limits = {
    maxBatchBytes: 10_000,
    maxUncompressedBytes: 10_000,
    times: timeBounds(resolveSettings(given), now),
  }
  return (['none', 'gzip'] as const).flatMap((codec) => {
    const builder = new BatchBuilder({ codec })
    for (const timestamp of timestamps) builder.append({ value: Buffer.from('v'), timestamp })
    const built = builder.build()
    return [() => verifyBuiltBatch(built, limits), () => verifyProducedBatch(Buffer.from(built.bytes), limits)].map(
      (verify) => {
        try {
          verify()
          return undefined
        } catch (error) {
          return (error as { code: string }).code
        }
      },
    )
  })
}

const taken = [undefined, undefined, undefined, undefined]
const refused = taken.map(() => 'INVALID_TIMESTAMP')

test('an hour ahead is taken and no more, any time in the past is, as in Kafka', () => {
  assert.deepEqual(verdict({}, [now + hour]), taken)
  assert.deepEqual(verdict({}, [now, now + hour + 1, now]), refused)
  assert.deepEqual(verdict({}, [0, 1, -1]), taken)
})

test('both bounds are settings, and count for each record', () => {
  const settings = { 'log.message.timestamp.before.max.ms': hour, 'log.message.timestamp.after.max.ms': 0 }
  assert.deepEqual(verdict(settings, [now - hour, now]), taken)
  assert.deepEqual(verdict(settings, [now + 1]), refused)
  assert.deepEqual(verdict(settings, [now, now - hour - 1, now]), refused)
  assert.deepEqual(verdict(settings, [-1, -1]), taken)
})

test('where the broker stamps its own time, that of the sender does not matter', () => {
  const settings = { 'log.message.timestamp.type': 'LogAppendTime', 'log.message.timestamp.before.max.ms': 0 }
  assert.deepEqual(verdict(settings, [now + 100 * hour, now - 100 * hour]), taken)
})
