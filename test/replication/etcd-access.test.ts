/** An etcd that asks who a node is: by user and password, and by certificates, as the authority and `holdfast serve` meet it. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Logger } from '../../src/core/logger.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { certificate, privateKey } from '../support/certificate.js'
import { Etcd, type EtcdNode, withoutEtcd } from '../support/etcd.js'
import { serve } from '../support/served-broker.js'
import { until } from '../support/until.js'
import { clusterId, leaseMs, openNode, untilLeads } from './etcd-nodes.js'

const skip = withoutEtcd()
const common = { 'node.id': 1, 'replication.mode': 'sync', 'replication.cluster': 'served' }
const access = { user: 'holdfast', password: 'open sesame' }
let directory: TemporaryDirectory
let etcd: Etcd
let node: EtcdNode
let certFile: string
let keyFile: string

before(async () => {
  if (skip) return
  directory = await makeTemporaryDirectory('holdfast-etcd-access-')
  certFile = join(directory.path, 'cert.pem')
  keyFile = join(directory.path, 'key.pem')
  await writeFile(certFile, certificate)
  await writeFile(keyFile, privateKey)
  const tls = ['--cert-file', certFile, '--key-file', keyFile, '--client-cert-auth', '--trusted-ca-file', certFile]
  etcd = await Etcd.start(1, { isSecure: true, args: tls })
  node = etcd.nodes[0]
})
after(async () => {
  if (skip) return
  await etcd.stop()
  await directory.remove()
})

const refusedWith = (words: RegExp) => ({ code: 'INVALID_SETTING', message: words })

/** From now on etcd asks who somebody is; the user may do what it likes below its folders. */
async function enableUsers(folders: readonly string[]): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const isDone = async (path: string, body: object): Promise<void> => {
    const answer = await node.ask(path, body)
    assert.ok('header' in answer, JSON.stringify(answer))
  }
  for (const [name, password] of [
    ['root', 'of all'],
    ['holdfast', 'open sesame'],
  ]) {
    await isDone('/v3/auth/user/add', { name, password })
    await isDone('/v3/auth/role/add', { name })
    await isDone('/v3/auth/user/grant', { user: name, role: name })
  }
  for (const folder of folders) {
    const perm = { permType: 'READWRITE', key: base64(`${folder}/`), range_end: base64(`${folder}0`) }
    await isDone('/v3/auth/role/grant', { name: 'holdfast', perm })
  }
  await isDone('/v3/auth/enable', {})
}

test('an etcd that is reached by TLS asks for a certificate, and is asked for its own', { skip }, async (t) => {
  const options = { cluster: 'by-tls', leaseMs }
  const certificates = { ca: Buffer.from(certificate), cert: Buffer.from(certificate), key: Buffer.from(privateKey) }
  const trusted = await openNode(t, 1, [node.secureUrl], { ...options, access: certificates })
  assert.ok(await trusted.claim(clusterId, 0))
  await until('the watch hears too', async () => {
    await trusted.setInSync([1])
    return trusted.leadership?.inSync.length === 1
  })
  const without = await openNode(t, 2, [node.secureUrl], { ...options, access: { ca: certificates.ca } })
  assert.match(without.trouble ?? '', /certificate required|bad certificate|ECONNRESET|hang up/)
  const distrusting = await openNode(t, 3, [node.secureUrl], { ...options, access: {} })
  assert.match(distrusting.trouble ?? '', /self.signed/)
  const unusable = { ...options, access: { ...certificates, key: Buffer.from('no key') } }
  await assert.rejects(
    openNode(t, 4, [node.secureUrl], unusable),
    refusedWith(/certificates for etcd .* cannot be used/),
  )
})

test('`serve` takes certificates from files', { skip }, async () => {
  const settings = {
    ...common,
    'replication.etcd': node.secureUrl,
    'replication.etcd.ca.file': certFile,
    'replication.etcd.cert.file': certFile,
    'replication.etcd.key.file': keyFile,
  }
  const data = join(directory.path, 'data')
  const served = await serve(data, { settings })
  assert.equal(served.ready['waitsFor'], undefined)
  assert.equal(await served.end('SIGTERM'), 0)
  const missing = serve(data, { settings: { ...settings, 'replication.etcd.ca.file': '/not/there' } })
  await assert.rejects(missing, /replication\.etcd\.ca\.file: there is no file \/not\/there/)
})

test('a password that an etcd without users does not ask for does no harm', { skip }, async (t) => {
  const open = await openNode(t, 1, [node.url], { cluster: 'no-users', access })
  assert.ok(await open.claim(clusterId, 0))
})

test('with users: a token is got, and another when it holds no more; no secret is told', { skip }, async (t) => {
  const said: string[] = []
  const keep = (fields: object, message: string): void => void said.push(`${message} ${JSON.stringify(fields)}`)
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  await enableUsers(['/by-user', '/served'])
  const options = { cluster: 'by-user', leaseMs: 20_000, logger }

  const one = await openNode(t, 1, [node.url], { ...options, access })
  const two = await openNode(t, 2, [node.url], { ...options, access })
  assert.ok(await one.claim(clusterId, 0))
  await one.setInSync([1, 2])
  await until('2 hears of it', () => two.leadership?.inSync.length === 2)

  await assert.rejects(
    openNode(t, 3, [node.url], options),
    refusedWith(/asks who this node is; .*replication\.etcd\.user/),
  )
  const wrong = { ...access, password: 'close sesame' }
  await assert.rejects(
    openNode(t, 3, [node.url], { ...options, access: wrong }),
    refusedWith(/does not believe .* holdfast/),
  )
  const elsewhere = { ...options, cluster: 'of-others', access }
  await assert.rejects(openNode(t, 3, [node.url], elsewhere), refusedWith(/does not let holdfast .*permission denied/))

  // A process of etcd that was started anew knows none of the tokens that it gave.
  await node.kill()
  node.start()
  await until('1 goes on', () =>
    one.setInSync([1]).then(
      () => true,
      () => false,
    ),
  )
  await until('2 hears of it', () => two.leadership?.inSync.length === 1)
  await one.setInSync([1, 2])
  await one.letGo()
  await untilLeads(two)
  assert.equal(two.leadership?.epoch, 2)
  assert.ok(said.length > 0)
  assert.doesNotMatch(said.join(), /sesame/)
})

test('`serve` takes the password from a file, too', { skip }, async () => {
  const settings = { ...common, 'replication.etcd': node.url, 'replication.etcd.user': 'holdfast' }
  const passwordFile = join(directory.path, 'password')
  await writeFile(passwordFile, 'open sesame\n')
  const data = join(directory.path, 'data')
  const served = await serve(data, { settings: { ...settings, 'replication.etcd.password.file': passwordFile } })
  assert.equal(served.ready['waitsFor'], undefined)
  assert.equal(await served.end('SIGTERM'), 0)
  await assert.rejects(serve(data, { settings }), /belong together/)
})
