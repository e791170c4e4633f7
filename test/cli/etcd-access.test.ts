/** Who a node is to etcd, as its settings say: nothing of it may go over the wire in the clear where part of it is sealed. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { etcdAccess } from '../../src/cli/etcd-access.js'
import { resolveSettings } from '../../src/core/settings.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'

async function fileOf(t: TestContext): Promise<string> {
  const directory = await makeTemporaryDirectory('holdfast-etcd-access-')
  t.after(() => directory.remove())
  const path = join(directory.path, 'secret')
  await writeFile(path, 'open sesame\n')
  return path
}

test('a user or certificates go to addresses that are all https://, or none', async (t) => {
  const file = await fileOf(t)
  const user = { 'replication.etcd.user': 'holdfast', 'replication.etcd.password.file': file }
  const ca = { 'replication.etcd.ca.file': file }
  const cert = { 'replication.etcd.cert.file': file, 'replication.etcd.key.file': file }
  const access = (addresses: string, given: object) =>
    etcdAccess(resolveSettings({ 'replication.etcd': addresses, ...given }))
  const refused = (message: RegExp) => ({ code: 'INVALID_SETTING', message })
  for (const given of [user, ca, cert]) {
    for (const mixed of [
      'https://a:2379,http://b:2379',
      'http://a:2379, HTTPS://b:2379',
      'http://https://,https://b',
    ]) {
      await assert.rejects(access(mixed, given), refused(/https:\/\/ and http:\/\/ do not go together/))
    }
    await access('https://a:2379, https://b:2379', given)
  }
  assert.equal((await access('http://a:2379,http://b:2379', user)).password, 'open sesame')
  await access('https://a:2379,http://b:2379', {})
  for (const given of [ca, cert]) {
    await assert.rejects(access('http://a:2379', given), refused(/are for addresses that begin with https/))
  }
})
