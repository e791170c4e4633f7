/** `--command-config`: commands that speak TLS as such a file says. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { behindTls } from '../kafka/cluster/behind-tls.js'
import { serve } from '../kafka/server/served.js'
import { certificate } from '../support/certificate.js'
import { holdfast } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

async function run(...args: string[]) {
  return runProgram(process.execPath, [holdfast, ...args])
}

async function secured(
  t: TestContext,
): Promise<{ readonly brokers: string; readonly config: string; readonly path: string }> {
  const directory = await makeTemporaryDirectory('holdfast-command-config-')
  t.after(() => directory.remove())
  const { server } = await serve(t)
  const port = await behindTls(t, server.port)
  await writeFile(join(directory.path, 'ca.pem'), certificate)
  const config = join(directory.path, 'client.properties')
  const carriedOn = certificate.trim().replaceAll('\n', ' \\\n')
  await writeFile(config, `security.protocol=SSL\nssl.truststore.certificates=${carriedOn}\n`)
  return { brokers: `127.0.0.1:${port}`, config, path: directory.path }
}

test('commands speak TLS as the file says, a mirror on either side', async (t) => {
  const { brokers, config, path } = await secured(t)
  const as = ['--broker', brokers, '--command-config', config]
  assert.equal((await run('topics', 'create', 'orders', ...as)).code, 0)
  assert.equal((await run('produce', 'orders', '-m', 'an apple', ...as)).code, 0)
  const mirrored = await run(
    ...['mirror', '--from', brokers, '--from-config', config, '--to', join(path, 'copy'), '--until-caught-up'],
  )
  assert.equal(mirrored.code, 0, mirrored.stderr)
  assert.match(String(mirrored.stdout), /Copied 1 messages/)
  const folder = await run('topics', 'list', '--data', join(path, 'copy'), '--command-config', config)
  assert.match(folder.stderr, /--command-config is for --broker/)
  const wrongSide = await run('mirror', '--from', join(path, 'copy'), '--from-config', config, '--to', brokers)
  assert.match(wrongSide.stderr, /client\.properties is for a broker, and .*copy is a folder/)
})

test('a broker that knows no SASL is told who asks, and refuses it', async (t) => {
  const { brokers, config, path } = await secured(t)
  const named = join(path, 'named.properties')
  const login = 'sasl.mechanism=PLAIN\nsasl.username=bob\nsasl.password=secret\n'
  await writeFile(named, `security.protocol=SASL_SSL\nssl.truststore.location=${join(path, 'ca.pem')}\n${login}`)
  const { code, stderr } = await run('topics', 'list', '--broker', brokers, '--command-config', named)
  assert.notEqual(code, 0)
  assert.match(stderr, /SaslHandshake/)
  assert.equal((await run('doctor', '--broker', brokers, '--command-config', config)).code, 0)
})
