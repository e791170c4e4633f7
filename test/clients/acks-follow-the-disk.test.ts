/**
 * Acknowledgements follow the disk: a trace of the system calls of a served broker under SYNC_FLUSH shows no Produce
 * answer on a socket before the bytes of its batch were written to the log's O_DSYNC descriptor.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Queue } from '../../src/client/queue.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { batchesIn } from '../../src/records/batch.js'
import { serve } from '../support/served-broker.js'
import { withoutStrace } from '../support/tools.js'

const callers = 100
const perCaller = 30
const topic = 'traced'
const logFile = `${topic}-0/00000000000000000000.log`

test('no Produce answer leaves before its batch is on the disk', {
  skip: withoutStrace(),
  timeout: 120_000,
}, async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-trace-')
  const trace = join(directory.path, 'trace')
  const dataDir = join(directory.path, 'data')
  const calls = 'openat,pwrite64,pwritev,write,writev,sendmsg,sendto,fdatasync,fsync'
  const wrapper = ['strace', '-f', '-yy', '-qq', '-e', `trace=${calls}`, '-e', 'signal=none', '-s', '0', '-o', trace]
  const broker = await serve(dataDir, { wrapper })
  try {
    const service = await RemoteBroker.connect(broker.address)
    await service.createTopic({ name: topic, partitions: 1 })
    const queue = new Queue(service)
    // The first answer tells how long one is.
    await queue.send(topic, { value: 'first' })
    const caller = async () => {
      for (let i = 0; i < perCaller; i++) await queue.send(topic, { value: 'x'.repeat(500) })
    }
    await Promise.all(Array.from({ length: callers }, caller))
    await queue.close()
    assert.equal(await broker.end('SIGTERM'), 0)
    const log = readFileSync(join(dataDir, 'log', logFile))
    const ends = [...batchesIn(log)].map((batch) => batch.bytes.byteOffset - log.byteOffset + batch.sizeInBytes)
    const { answers, flushes } = follow(readFileSync(trace, 'utf8'), ends)
    assert.equal(answers, ends.length, 'each batch is answered')
    const perFlush = (callers * perCaller) / (flushes - 1)
    t.diagnostic(
      `${callers * perCaller} acknowledged messages in ${flushes - 1} flushes: ${perFlush.toFixed(1)} a flush with ${callers} callers`,
    )
    assert.ok(perFlush > 50, `${perFlush} messages a flush`)
  } finally {
    await broker.end('SIGKILL')
    await directory.remove()
  }
})

/**
 * Walks the trace in the order in which the calls returned (strace prints a call of another thread that is interrupted
 * in two parts: the second part is its return) and checks at every write to the producing socket that no more answers
 * have gone out than batches are on the disk. `ends` tells where in the log each batch ends.
 */
function follow(trace: string, ends: readonly number[]): { answers: number; flushes: number } {
  const lines = trace.split('\n')
  const opened = lines.some((line) => line.includes('openat(') && line.includes(logFile) && line.includes('O_DSYNC'))
  assert.ok(opened, 'the log is opened with O_DSYNC')
  const unfinished = new Map<string, string>()
  let durableBytes = 0
  let flushes = 0
  let socket: string | undefined
  let answerBytes = 0
  let answeredBytes = 0
  for (const line of lines) {
    const call = wholeCall(line, unfinished)
    if (call === undefined) continue
    const written = Number(/= (\d+)$/.exec(call)?.[1] ?? 0)
    if (/pwrite(64|v)\(/.test(call) && call.includes(logFile)) {
      durableBytes += written
      flushes++
      continue
    }
    const target = /(?:write|writev|sendmsg|sendto)\(\d+<(TCP[^>]*|socket:[^>]*)>/.exec(call)?.[1]
    if (target === undefined || durableBytes === 0) continue
    // The first write to a socket after the first batch is the first answer; all others are as long.
    socket ??= target
    if (target !== socket) continue
    if (answerBytes === 0) answerBytes = written
    answeredBytes += written
    const answers = answeredBytes / answerBytes
    assert.ok(Number.isInteger(answers) && answers <= ends.length, `${answers} answers for ${ends.length} batches`)
    assert.ok(
      ends[answers - 1] <= durableBytes,
      `answer ${answers} went out with ${durableBytes} bytes on the disk, its batch ends at ${ends[answers - 1]}`,
    )
  }
  return { answers: answeredBytes / answerBytes, flushes }
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
