/**
 * Acknowledgements follow the disk: a trace of the system calls of a served broker under SYNC_FLUSH shows no Produce
 * answer on a socket before the bytes of its batch were written to the log's O_DSYNC descriptor.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { buildBatch } from '../../src/records/builder.js'
import { serve } from '../support/served-broker.js'
import { withoutStrace } from '../support/tools.js'

const callers = 100
const perCaller = 30
const topic = 'traced'

/** All batches have one size and all answers have one size, so that bytes can be counted as messages. */
const batch = () => buildBatch([{ value: Buffer.alloc(500, 1), timestamp: 1 }]).bytes

test('no Produce answer leaves before its batch is on the disk', {
  skip: withoutStrace(),
  timeout: 120_000,
}, async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-trace-')
  const trace = join(directory.path, 'trace')
  const calls = 'openat,pwrite64,pwritev,write,writev,sendmsg,sendto,fdatasync,fsync'
  const wrapper = ['strace', '-f', '-yy', '-qq', '-e', `trace=${calls}`, '-e', 'signal=none', '-s', '0', '-o', trace]
  const broker = await serve(join(directory.path, 'data'), { wrapper })
  try {
    const setUp = await RemoteBroker.connect(broker.address)
    await setUp.createTopic({ name: topic, partitions: 1 })
    await setUp.close()
    const service = await RemoteBroker.connect(broker.address)
    // The first answer tells where on the socket the others begin.
    await service.produce({ topic, partition: 0, batch: batch() })
    const caller = async () => {
      for (let i = 0; i < perCaller; i++) await service.produce({ topic, partition: 0, batch: batch() })
    }
    await Promise.all(Array.from({ length: callers }, caller))
    await service.close()
    assert.equal(await broker.end('SIGTERM'), 0)
    const { batches, answers, flushes } = follow(readFileSync(trace, 'utf8'))
    assert.equal(batches, callers * perCaller + 1)
    assert.equal(answers, batches)
    const perFlush = (batches - 1) / (flushes - 1)
    t.diagnostic(
      `${batches} acknowledged messages in ${flushes} flushes: ${perFlush.toFixed(1)} a flush with ${callers} callers`,
    )
    assert.ok(perFlush > 50, `${perFlush} messages a flush`)
  } finally {
    await broker.end('SIGKILL')
    await directory.remove()
  }
})

interface Followed {
  batches: number
  answers: number
  flushes: number
}

/**
 * Walks the trace in the order in which the calls returned (strace prints a call of another thread that is interrupted
 * in two parts: the second part is its return) and checks at every write to the producing socket that no more answers
 * have gone out than batches are on the disk.
 */
function follow(trace: string): Followed {
  const logFile = `${topic}-0/00000000000000000000.log`
  const batchBytes = batch().length
  assert.ok(
    trace.split('\n').some((line) => line.includes('openat(') && line.includes(logFile) && line.includes('O_DSYNC')),
    'the log is opened with O_DSYNC',
  )
  const unfinished = new Map<string, string>()
  const found: Followed = { batches: 0, answers: 0, flushes: 0 }
  let durableBytes = 0
  let answeredBytes = 0
  let answerBytes = 0
  let socket: string | undefined
  for (const line of trace.split('\n')) {
    const call = wholeCall(line, unfinished)
    if (call === undefined) continue
    const written = Number(/= (\d+)$/.exec(call)?.[1] ?? 0)
    if (/pwrite(64|v)\(/.test(call) && call.includes(logFile)) {
      durableBytes += written
      found.flushes++
      continue
    }
    const target = /(?:write|writev|sendmsg|sendto)\(\d+<(TCP[^>]*|socket:[^>]*)>/.exec(call)?.[1]
    if (target === undefined || durableBytes === 0) continue
    // The first write to a socket after the first batch is the first answer, and tells how long one is.
    socket ??= target
    if (target !== socket) continue
    if (answerBytes === 0) answerBytes = written
    answeredBytes += written
    const answers = answeredBytes / answerBytes
    assert.ok(
      answers * batchBytes <= durableBytes,
      `${answers} answers went out with ${durableBytes / batchBytes} batches on the disk`,
    )
    found.answers = answers
  }
  found.batches = durableBytes / batchBytes
  return found
}

/** A call with its result; undefined while it is unfinished, or for any other line. */
function wholeCall(line: string, unfinished: Map<string, string>): string | undefined {
  const match = /^(\d+)\s+(.*)$/.exec(line)
  if (match === null) return undefined
  const [, thread, rest] = match
  if (rest.endsWith('<unfinished ...>')) {
    unfinished.set(thread, rest.slice(0, -'<unfinished ...>'.length))
    return undefined
  }
  const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
  return resumed === null ? rest : (unfinished.get(thread) ?? '') + resumed[1]
}
