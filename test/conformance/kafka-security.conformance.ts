/** A real Apache Kafka that speaks TLS and wants a name: who is let in, and how the others are refused. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { open } from '../../src/index.js'
import { saslMechanisms } from '../../src/kafka/sasl/log-in.js'
import { certificate, privateKey } from '../support/certificate.js'
import { freePorts } from '../support/free-ports.js'
import { startKafka } from '../support/kafka/server.js'
import { holdfast } from '../support/served-broker.js'
import { runProgram } from '../support/tools.js'
import { kafka, withoutKafka } from './with-kafka.js'

const alice = { username: 'alice', password: 'alice-secret' }
const oneLine = (pem: string): string => pem.trim().replaceAll('\n', '\\n')

describe('a Kafka with TLS and SASL', { skip: withoutKafka }, () => {
  let stop = async (): Promise<void> => {}
  let url = ''

  before(async () => {
    if (kafka === undefined) return
    const directory = await makeTemporaryDirectory('holdfast-security-')
    const [port, controller, secured] = await freePorts(3)
    url = `kafka://127.0.0.1:${secured}`
    const server = await startKafka(kafka, directory.path, {
      ports: [port, controller],
      scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => ({ mechanism, ...alice })),
      properties: {
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller},SECURE://127.0.0.1:${secured}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SECURE://127.0.0.1:${secured}`,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL',
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'listener.name.secure.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="${alice.password}";`,
        'listener.name.secure.scram-sha-256.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.secure.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        // So short that connections log in anew while the tests run.
        'connections.max.reauth.ms': 2000,
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.certificate.chain': oneLine(certificate),
        'ssl.keystore.key': oneLine(privateKey),
      },
    })
    stop = async () => {
      await server.kill()
      await directory.remove()
    }
  })
  after(() => stop())

  for (const mechanism of saslMechanisms) {
    test(`${mechanism}: the right password is let in, for longer than one login holds; a wrong one is not`, async () => {
      const tls = { ca: certificate }
      await using mq = await open(url, { tls, sasl: { mechanism, ...alice } })
      const topic = mechanism.toLowerCase()
      await mq.topics.create(topic)
      for (let n = 0; n < 8; n++) {
        await mq.send(topic, { value: `${n}` })
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
      assert.deepEqual(
        (await mq.read(topic)).map((message) => message.text()),
        Array.from({ length: 8 }, (_, n) => `${n}`),
      )
      const wrong = open(url, { tls, sasl: { mechanism, username: 'alice', password: 'wrong' } })
      await assert.rejects(wrong, { code: 'SASL_AUTHENTICATION_FAILED' })
    })
  }

  test('the command line is let in by a file of client properties', async () => {
    const directory = await makeTemporaryDirectory('holdfast-client-properties-')
    const file = join(directory.path, 'client.properties')
    const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="${alice.password}";`
    const lines = [
      'security.protocol=SASL_SSL',
      'sasl.mechanism=SCRAM-SHA-512',
      `sasl.jaas.config=${jaas}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.certificates=${oneLine(certificate)}`,
    ]
    await writeFile(file, lines.join('\n'))
    const as = ['--broker', url, '--command-config', file]
    for (const args of [
      ['topics', 'create', 'by-command'],
      ['produce', 'by-command', '-m', 'an apple'],
    ]) {
      const { code, stderr } = await runProgram(process.execPath, [holdfast, ...args, ...as])
      assert.equal(code, 0, stderr)
    }
    const read = ['consume', 'by-command', '--from', 'earliest', '-n', '1', '--format', 'value']
    const { stdout, stderr } = await runProgram(process.execPath, [holdfast, ...read, ...as])
    assert.match(String(stdout), /an apple/, stderr)
    await directory.remove()
  })

  test('without a name, or in the clear, nobody is let in', async () => {
    await assert.rejects(open(url, { tls: { ca: certificate } }), { code: 'CONNECTION_FAILED' })
    await assert.rejects(open(url), { code: 'CONNECTION_FAILED' })
  })
})
