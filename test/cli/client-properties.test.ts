/** The files that Kafka's tools and kcat take, each in its own form, and what of them is refused. */

import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { readClientProperties } from '../../src/cli/client-properties.js'
import { certificate, keystore, privateKey } from '../support/certificate.js'

const locked = createPrivateKey(privateKey).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'of the key',
})

const files: Readonly<Record<string, string | Buffer>> = {
  '/ca.pem': certificate,
  '/both.pem': certificate + privateKey,
  '/key.pem': privateKey,
  '/locked.pem': locked,
  '/store.jks': Buffer.from('feedfeed00000002', 'hex'),
  '/store.p12': keystore,
}

/** What a file of these lines comes to. */
function read(...lines: string[]) {
  const all = { ...files, '/client.conf': lines.join('\n') }
  return readClientProperties('/client.conf', async (path) => {
    const text = all[path as keyof typeof all]
    return typeof text === 'string' ? Buffer.from(text) : text
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
  const both = Buffer.from(certificate + privateKey)
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

/** As Kafka's documentation writes PEM into a file: every line but the last one is carried on. */
const carriedOn = (pem: string): string => pem.trim().replaceAll('\n', ' \\\n  ')

/** What the file says of TLS, tried as a connection would. */
async function readTls(...lines: string[]) {
  const { tls } = await read('security.protocol=SSL', ...lines)
  assert.ok(typeof tls === 'object')
  createSecureContext(tls)
  return tls
}

test('PEM that is carried on from line to line gets its lines again', async () => {
  const tls = await readTls(
    `ssl.truststore.certificates=${carriedOn(certificate + certificate)}`,
    `ssl.keystore.certificate.chain=${carriedOn(certificate)}`,
    `ssl.keystore.key=${carriedOn(locked.toString())}`,
    'ssl.key.password=of the key',
  )
  const twice = String(tls.ca).split(/(?<=END CERTIFICATE-----)\n/)
  assert.deepEqual(
    twice.map((pem) => new X509Certificate(pem).subject),
    ['CN=localhost', 'CN=localhost'],
  )
  assert.equal(tls.cert, certificate.trim())
  assert.equal(tls.key, locked.toString().trim())
  const old = createPrivateKey(privateKey).export({
    type: 'sec1',
    format: 'pem',
    cipher: 'aes-128-cbc',
    passphrase: 'of the key',
  })
  const oneLine = old.toString().replaceAll('\n', '\\n')
  await readTls(
    `ssl.certificate.pem=${carriedOn(certificate)}`,
    `ssl.key.pem=${oneLine}`,
    'ssl.key.password=of the key',
  )
})

test('what cannot be used is refused by the name of the file and its setting, without a secret', async () => {
  const tls = (...lines: string[]) => read('security.protocol=SSL', ...lines)
  const own = ['ssl.certificate.location=/ca.pem', 'ssl.key.location=/locked.pem']
  await assert.rejects(
    tls(...own),
    refused(/^\/client\.conf: .*ssl\.key\.location \(\/locked\.pem\) cannot be used: .*/),
  )
  await assert.rejects(tls(...own), refused(/\(ssl\.key\.password is not given\)/))
  await assert.rejects(tls(...own, 'ssl.key.password=guessed'), (error: Error) => {
    assert.match(error.message, /cannot be used: .*\(ssl\.key\.password is given\)/)
    assert.doesNotMatch(error.message, /guessed/)
    return true
  })
  await assert.rejects(tls('ssl.truststore.certificates=MIIB'), refused(/ssl\.truststore\.certificates holds no PEM/))
  const damaged = certificate.replace(/M(?=II)/, 'A')
  await assert.rejects(tls(`ssl.ca.pem=${carriedOn(damaged)}`), refused(/ssl\.ca\.pem cannot be used: /))
  await assert.rejects(tls('ssl.ca.location=/key.pem'), refused(/ssl\.ca\.location \(\/key\.pem\) cannot be used: /))
})

test('a backslash in what librdkafka alone knows is taken as kcat takes it', async () => {
  const login = async (...lines: string[]) =>
    (await read(...lines, 'security.protocol=SASL_PLAINTEXT', 'sasl.mechanism=PLAIN')).sasl
  assert.deepEqual(
    await login('\ufeffsasl.username=DOMAIN\\bob\\', '  sasl.password = a\\b\\:c\\=d\\\\:e\\\\f\\u00e4ü'),
    {
      mechanism: 'PLAIN',
      username: 'DOMAIN\\bob\\',
      password: 'a\\b:c=d:e\\\\f\\u00e4ü',
    },
  )
  const jaas = 'sasl.jaas.config=PlainLoginModule required username="bob" \\\n  password="a\\\\\\\\b";'
  assert.deepEqual(await login(jaas), { mechanism: 'PLAIN', username: 'bob', password: 'a\\b' })
  await assert.rejects(
    read('security.protocol=SSL', 'ssl.ca.location=C:\\ca.pem'),
    refused(/there is no file C:\\ca\.pem\./),
  )
})

test("Java's keystores are told how to become PEM or PKCS12", async () => {
  const trusted = ['ssl.truststore.location=/store.jks', 'ssl.truststore.password=secret']
  await assert.rejects(read('security.protocol=SSL', ...trusted), refused(/no PEM file; "keytool -exportcert -rfc"/))
  const own = ['security.protocol=SSL', 'ssl.keystore.location=/store.jks', 'ssl.keystore.password=secret']
  await assert.rejects(read(...own), refused(/"keytool -importkeystore -deststoretype PKCS12"/))
  await assert.rejects(read(...own, 'ssl.keystore.type=jks'), refused(/"keytool -importkeystore/))
})

test('a keystore of PKCS12, by its type or without one, has a password of its own', async () => {
  const store = ['ssl.keystore.location=/store.p12', 'ssl.keystore.password=of the store']
  const expected = { ca: undefined, pfx: keystore, passphrase: 'of the store' }
  assert.deepEqual(await readTls(...store), expected)
  assert.deepEqual(await readTls(...store, 'ssl.keystore.type=pkcs12', 'ssl.key.password=another'), expected)
  await assert.rejects(
    readTls('ssl.keystore.location=/store.p12', 'ssl.keystore.password=guessed'),
    refused(/ssl\.keystore\.location \(\/store\.p12\) cannot be used: .*ssl\.keystore\.password is given/),
  )
  const pem = await readTls('ssl.truststore.type=pem', 'ssl.truststore.location=/ca.pem', 'ssl.truststore.password=x')
  assert.deepEqual(pem.ca, Buffer.from(certificate))
})
