/** Work that ends together: who ends the others, who is waited for, and whose failure is told. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { together } from '../../src/core/together.js'

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

test('the first that ends ends the others, which are waited for', async () => {
  const ended: string[] = []
  const until = (name: string) => async (signal: AbortSignal) => {
    await aborted(signal)
    await new Promise((resolve) => setImmediate(resolve))
    ended.push(name)
  }
  await together(new AbortController().signal, [until('a'), async () => {}, until('b')])
  assert.deepEqual(ended, ['a', 'b'])
})

test('what failed first is told, and what failed since it was told to end is not', async () => {
  const failing = async (signal: AbortSignal) => {
    await aborted(signal)
    throw new Error('taken back')
  }
  const first = async () => {
    throw new Error('the reason')
  }
  await assert.rejects(together(new AbortController().signal, [failing, first, failing]), { message: 'the reason' })
  await together(new AbortController().signal, [failing, async () => {}])
  const ending = new AbortController()
  const work = together(ending.signal, [failing, failing])
  ending.abort()
  await work
})

test('a signal that was aborted before is one for each', async () => {
  let told = 0
  const work = async (signal: AbortSignal) => {
    if (signal.aborted) told++
  }
  await together(AbortSignal.abort(), [work, work])
  assert.equal(told, 2)
})
