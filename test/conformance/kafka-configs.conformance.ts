/** Kafka's kafka-configs.sh alters what a topic says for itself. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { shortLived } from '../support/java/maven-jars.js'
import { holdfast, type ServedBroker, serve } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { kafka, withoutKafka } from './with-kafka.js'

describe('kafka-configs.sh', { skip: withoutKafka }, () => {
  let directory: TemporaryDirectory
  let broker: ServedBroker

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-configs-')
    broker = await serve(directory.path)
  })
  after(async () => {
    await broker?.end('SIGTERM')
    await directory?.remove()
  })

  /** What the tool prints, also where it refuses. */
  async function configs(...args: string[]): Promise<string> {
    const command = [...shortLived, ...(kafka?.options ?? []), 'kafka.admin.ConfigCommand']
    const target = ['--bootstrap-server', broker.address, '--entity-type', 'topics', '--entity-name', 'orders']
    const { stdout, stderr } = await runProgram('java', [...command, ...target, ...args])
    return `${stdout}${stderr}`
  }

  test('sets, deletes, describes, and hears why something is refused', async () => {
    const created = await runProgram(process.execPath, [
      holdfast,
      'topics',
      'create',
      'orders',
      '--broker',
      broker.address,
    ])
    assert.equal(created.code, 0, created.stderr)
    const added = 'compression.type=lz4,cleanup.policy=[compact,delete],max.message.bytes=5000'
    assert.match(await configs('--alter', '--add-config', added), /Completed updating config for topic orders/)
    assert.match(await configs('--alter', '--delete-config', 'compression.type'), /Completed updating/)
    const described = await configs('--describe')
    assert.match(described, /cleanup\.policy=compact,delete .*DYNAMIC_TOPIC_CONFIG/)
    assert.match(described, /max\.message\.bytes=5000 .*DEFAULT_CONFIG:message\.max\.bytes=1048588/)
    assert.doesNotMatch(described, /compression\.type/)
    const refused = await configs('--alter', '--add-config', 'max.message.bytes=large')
    assert.match(refused, /InvalidConfigurationException: .*max\.message\.bytes = large/)
  })
})
