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
