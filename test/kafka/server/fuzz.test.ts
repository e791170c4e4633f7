/** Requests with flipped, cut and doubled bytes: the server answers or disconnects, and goes on serving others. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { endpoints } from '../../../src/kafka/api/index.js'
import { encodeRequest } from '../../../src/kafka/messages.js'
import { apiVersions, metadata } from '../../../src/kafka/schemas/index.js'
import { requests } from './requests.js'
import { RawClient, serve } from './served.js'

/** CreateTopics and the like may do what the changed bytes say; waiting ones would only make the test slow. */
const skipped: ReadonlySet<number> = new Set([11, 14])

const mutation = fc.record({
  endpoint: fc.constantFrom(...endpoints.filter(({ api }) => !skipped.has(api.key))),
  version: fc.nat(),
  flips: fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.integer({ min: 0, max: 255 })),
    {
      maxLength: 6,
    },
  ),
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
})

test('mutated requests end in an answer or a disconnect', async (t) => {
  const served = await serve(t, { 'auto.create.topics.enable': false })
  await served.broker.createTopic({ name: 'orders' })
  const innocent = await served.raw()
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))

  const property = fc.asyncProperty(mutation, async ({ endpoint: { api }, version, flips, cut }) => {
    const [first, last] = api.versions
    const chosen = first + (version % (last - first + 1))
    const chunks = encodeRequest(api, chosen, { correlationId: 1, clientId: 'fuzz' }, requests[api.key] as never)
    let body = Buffer.concat(chunks).subarray(4)
    // The key and the version stay: what is behind them is what is to be read.
    for (const [at, value] of flips) body[4 + Math.floor(at * (body.length - 4))] = value
    if (cut !== null) body = body.subarray(0, Math.max(8, Math.floor(cut * body.length)))
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length)
    const client = await RawClient.connect(served.server.port)
    client.write(length, body)
    client.send(apiVersions, 0, {})
    await Promise.race([client.answer().catch(() => {}), client.closed])
    client.close()
    assert.equal((await innocent.ask(metadata, 9, { topics: [] })).brokers.length, 1)
  })
  await fc.assert(property, { numRuns: 400 })
  assert.deepEqual(uncaught, [])
  assert.deepEqual(
    served.complaints.filter((line) => line.includes('unexpected')),
    [],
  )
})
