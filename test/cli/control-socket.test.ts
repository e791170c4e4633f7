/** The control socket of a served folder: what its figures advise, and lines that ask for nothing. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Broker } from '../../src/broker/broker.js'
import { askAdvice, listenForControl } from '../../src/cli/control-socket.js'
import type { Advice } from '../../src/console/api-types.js'
import { silentLogger } from '../../src/core/logger.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'

const advice: readonly Advice[] = [
  { rule: 'flush-slow', severity: 'warning', title: 'Slow', evidence: '250 ms', remedy: 'A faster disk', sinceMs: 7 },
]

test('what the figures advise is told, null where nobody watches them, and an error where nobody listens', async () => {
  const directory = await makeTemporaryDirectory('holdfast-control-')
  const broker = await Broker.open(directory.path)
  try {
    for (const monitor of [{ advice }, undefined]) {
      const control = await listenForControl(broker, directory.path, { disk: nodeDisk, logger: silentLogger, monitor })
      assert.deepEqual(await askAdvice(directory.path), { advice: monitor?.advice ?? null })
      await control.close()
    }
    await assert.rejects(askAdvice(directory.path), { code: 'CONNECTION_FAILED' })
  } finally {
    await broker.close()
    await directory.remove()
  }
})

test('who says that this was all gets the answer all the same, and one who asked for nothing is let go', async () => {
  const directory = await makeTemporaryDirectory('holdfast-control-')
  const broker = await Broker.open(join(directory.path, 'data'))
  const control = await listenForControl(broker, directory.path, { disk: nodeDisk, logger: silentLogger })
  const ask = async (text: string): Promise<string> => {
    const socket = createConnection(join(directory.path, 'control.sock'))
    let answer = ''
    socket.on('data', (piece) => {
      answer += piece
    })
    socket.end(text)
    await once(socket, 'close')
    return answer
  }
  try {
    await broker.createTopic({ name: 'orders', partitions: 3 })
    const target = join(directory.path, 'backup')
    const answer = await ask(`${JSON.stringify({ command: 'backup', target })}\n`)
    assert.match(answer, /"done":.*"damaged":\[\]/)
    assert.equal(await ask('{"command":"advice"'), '')
  } finally {
    await control.close()
    await broker.close()
    await directory.remove()
  }
})

test('a line that asks for nothing is refused', async () => {
  const directory = await makeTemporaryDirectory('holdfast-control-')
  const broker = await Broker.open(directory.path)
  const control = await listenForControl(broker, directory.path, { disk: nodeDisk, logger: silentLogger })
  try {
    for (const line of ['{"command":"burn"}', 'hello', 'null', '{"command":"backup"}']) {
      const socket = createConnection(join(directory.path, 'control.sock'))
      socket.end(`${line}\n`)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.match(answer.toString(), /INVALID_REQUEST/)
      socket.destroy()
    }
  } finally {
    await control.close()
    await broker.close()
    await directory.remove()
  }
})
