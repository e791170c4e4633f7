/** `--command-config`: the files that Kafka's tools and kcat take, and commands that speak TLS by them. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readClientProperties } from '../../src/cli/client-properties.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { behindTls } from '../kafka/cluster/behind-tls.js'
import { serve } from '../kafka/server/served.js'
import { certificate, privateKey } from '../support/certificate.js'
import { holdfast } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'

const files: Readonly<Record<string, string>> = {
  '/ca.pem': certificate,
  '/both.pem': certificate + privateKey,
  '/key.pem': privateKey,
  '/store.jks': '\u00fe\u00ed\u00fe\u00ed',
}

/** What a file of these lines comes to. */
function read(...lines: string[]) {
  const all = { ...files, '/client.conf': lines.join('\n') }
  return readClientProperties('/client.conf', async (path) => {
    const text = all[path as keyof typeof all]
    return text === undefined ? undefined : Buffer.from(text)
  })
}

const refused = (words: RegExp) => ({ code: 'INVALID_ARGUMENT', message: words })

test('a file for the tools of Kafka', async () => {
  const { tls, sasl } = await read(
    'bootstrap.servers=kafka:9093',
    'security.protocol=SASL_SSL',
    'sasl.mechanism=SCRAM-SHA-512',
    'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\',
    '  username="alice" \\',
    '  password="it\'s \\\\"quoted\\\\";";',
    'ssl.truststore.type=PEM',
    'ssl.truststore.location=/ca.pem',
    'ssl.keystore.location=/both.pem',
    'ssl.key.password=of the key',
  )
  assert.deepEqual(sasl, { mechanism: 'SCRAM-SHA-512', username: 'alice', password: 'it\'s "quoted";' })
  const both = Buffer.from(files['/both.pem'])
  assert.deepEqual(tls, { ca: Buffer.from(certificate), cert: both, key: both, passphrase: 'of the key' })
})

test('a file for kcat, PEM in the file itself, and a name that is not looked at', async () => {
  const kcat = await read(
    'security.protocol=sasl_ssl',
    'sasl.mechanisms=PLAIN',
    'sasl.username=bob',
    'sasl.password=secret',
    'ssl.ca.location=/ca.pem',
    'ssl.certificate.location=/ca.pem',
    'ssl.key.location=/key.pem',
  )
  assert.deepEqual(kcat.sasl, { mechanism: 'PLAIN', username: 'bob', password: 'secret' })
  assert.deepEqual(kcat.tls, {
    ca: Buffer.from(certificate),
    cert: Buffer.from(certificate),
    key: Buffer.from(privateKey),
  })
  const oneLine = certificate.trim().replaceAll('\n', '\\n')
  const inline = await read(
    'security.protocol=SSL',
    `ssl.truststore.certificates=${oneLine}`,
    'ssl.endpoint.identification.algorithm=',
  )
  assert.ok(typeof inline.tls === 'object')
  assert.equal(inline.tls.ca, certificate.trim())
  assert.equal(inline.tls.checkServerIdentity?.('other', {} as never), undefined)
  assert.deepEqual(await read('client.id=me'), { tls: undefined, sasl: undefined })
})

test('what would be no protection, or is not understood, is refused, and no password is in what is said', async () => {
  const sasl = ['security.protocol=SASL_SSL', 'sasl.mechanism=PLAIN']
  await assert.rejects(read('security.protocol=TLS'), refused(/security\.protocol is TLS; it must be PLAINTEXT, SSL/))
  await assert.rejects(read('sasl.username=bob', 'sasl.password=secret'), (error: Error) => {
    assert.match(error.message, /sasl\.username is for security\.protocol=SASL_SSL or/)
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
  await assert.rejects(read('ssl.ca.location=/ca.pem'), refused(/ssl\.ca\.location is for security\.protocol=SSL/))
  await assert.rejects(read(...sasl), refused(/username and password/))
  await assert.rejects(
    read('security.protocol=SASL_SSL'),
    refused(/sasl\.mechanism is GSSAPI; it must be one of PLAIN/),
  )
  await assert.rejects(read(...sasl, 'sasl.kerberos.service.name=kafka'), refused(/kerberos.* is not known here/))
  await assert.rejects(read('security.protocol=SSL', 'ssl.ca.location=/none'), refused(/there is no file \/none/))
  const java = ['security.protocol=SSL', 'ssl.truststore.location=/store.jks']
  await assert.rejects(read(...java), refused(/no PEM file; "keytool -exportcert -rfc"/))
})

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
  await writeFile(config, `security.protocol=SSL\nssl.truststore.location=${join(directory.path, 'ca.pem')}\n`)
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
