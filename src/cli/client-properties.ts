/**
 * The file of `--command-config`: who this command is to a cluster, in the words of Kafka's own clients or of librdkafka, so
 * that the file that kafka-topics.sh or kcat takes is taken here too. What else such a file says is for others.
 */

import { HoldfastError } from '../core/errors.js'
import { parseProperties } from '../core/settings-file.js'
import { type Sasl, saslMechanisms } from '../kafka/sasl/log-in.js'
import type { Security } from '../kafka/sockets.js'

const protocols: ReadonlyMap<string, { readonly tls: boolean; readonly sasl: boolean }> = new Map([
  ['PLAINTEXT', { tls: false, sasl: false }],
  ['SSL', { tls: true, sasl: false }],
  ['SASL_PLAINTEXT', { tls: false, sasl: true }],
  ['SASL_SSL', { tls: true, sasl: true }],
])

const known = [
  'security.protocol',
  'sasl.mechanism',
  'sasl.mechanisms',
  'sasl.jaas.config',
  'sasl.username',
  'sasl.password',
  'ssl.ca.location',
  'ssl.ca.pem',
  'ssl.certificate.location',
  'ssl.certificate.pem',
  'ssl.endpoint.identification.algorithm',
  'ssl.key.location',
  'ssl.key.password',
  'ssl.key.pem',
  'ssl.keystore.certificate.chain',
  'ssl.keystore.key',
  'ssl.keystore.location',
  'ssl.keystore.password',
  'ssl.keystore.type',
  'ssl.truststore.certificates',
  'ssl.truststore.location',
  'ssl.truststore.type',
] as const
type Name = (typeof known)[number]
type Tls = Exclude<Security['tls'], boolean | undefined>

export type ReadFile = (path: string) => Promise<Buffer | undefined>

/** @throws INVALID_ARGUMENT for what is not there, not understood, or would be no protection */
export async function readClientProperties(path: string, readFile: ReadFile): Promise<Security> {
  const bytes = await readFile(path)
  if (bytes === undefined) throw new HoldfastError('INVALID_ARGUMENT', `There is no file ${path}.`)
  return new ClientProperties(path, bytes, readFile).security()
}

class ClientProperties {
  readonly #path: string
  readonly #readFile: ReadFile
  readonly #values = new Map<string, string>()

  constructor(path: string, bytes: Buffer, readFile: ReadFile) {
    this.#path = path
    this.#readFile = readFile
    for (const { name, value } of parseProperties(path, bytes)) {
      const isOurs = /^(ssl|sasl|security|enable\.ssl)\./.test(name)
      if (isOurs && !(known as readonly string[]).includes(name)) {
        this.#refuse(`${name} is not known here; known are ${known.join(', ')}`)
      }
      this.#values.set(name, String(value).trim())
    }
  }

  async security(): Promise<Security> {
    const text = (this.#get('security.protocol') ?? 'PLAINTEXT').toUpperCase()
    const protocol = protocols.get(text)
    if (protocol === undefined)
      this.#refuse(`security.protocol is ${text}; it must be ${[...protocols.keys()].join(', ')}`)
    for (const [family, isUsed, needs] of [
      ['ssl.', protocol.tls, 'SSL or SASL_SSL'],
      ['sasl.', protocol.sasl, 'SASL_SSL or SASL_PLAINTEXT'],
    ] as const) {
      const unused = [...this.#values.keys()].find((name) => name.startsWith(family))
      if (!isUsed && unused !== undefined)
        this.#refuse(`${unused} is for security.protocol=${needs}, and that is ${text}`)
    }
    return {
      tls: protocol.tls ? await this.#tls() : undefined,
      sasl: protocol.sasl ? this.#sasl() : undefined,
    }
  }

  #sasl(): Sasl {
    const mechanism = this.#get('sasl.mechanism') ?? this.#get('sasl.mechanisms') ?? 'GSSAPI'
    const found = saslMechanisms.find((name) => name === mechanism)
    if (found === undefined)
      this.#refuse(`sasl.mechanism is ${mechanism}; it must be one of ${saslMechanisms.join(', ')}`)
    const jaas = optionsOf(this.#get('sasl.jaas.config') ?? '')
    const username = this.#get('sasl.username') ?? jaas.get('username')
    const password = this.#get('sasl.password') ?? jaas.get('password')
    if (username === undefined || password === undefined) {
      this.#refuse('SASL takes username and password: in sasl.jaas.config, or as sasl.username and sasl.password')
    }
    return { mechanism: found, username, password }
  }

  async #tls(): Promise<Tls> {
    const algorithm = this.#get('ssl.endpoint.identification.algorithm')?.toLowerCase()
    const passphrase = this.#get('ssl.key.password')
    return {
      ca: await this.#trusted(),
      ...(await this.#own()),
      ...(passphrase === undefined ? {} : { passphrase }),
      // As Kafka's clients do it: the chain is still verified, the name is not.
      ...(algorithm === '' || algorithm === 'none' ? { checkServerIdentity: () => undefined } : {}),
    }
  }

  async #trusted(): Promise<Buffer | string | undefined> {
    const inline = this.#get('ssl.truststore.certificates') ?? this.#get('ssl.ca.pem')
    if (inline !== undefined) return inline
    const file = (await this.#file('ssl.truststore.location')) ?? (await this.#file('ssl.ca.location'))
    if (file === undefined || isPem(file)) return file
    return this.#refuse(
      'ssl.truststore.location is no PEM file; "keytool -exportcert -rfc" writes one out of a keystore of Java',
    )
  }

  async #own(): Promise<Pick<Tls, 'cert' | 'key' | 'pfx' | 'passphrase'>> {
    const store = await this.#file('ssl.keystore.location')
    if (store !== undefined) {
      if (isPem(store)) return { cert: store, key: store }
      if (this.#get('ssl.keystore.type') === 'PKCS12')
        return { pfx: store, passphrase: this.#get('ssl.keystore.password') }
      return this.#refuse('ssl.keystore.location must be a file of PEM, or one of PKCS12 with ssl.keystore.type=PKCS12')
    }
    const cert = this.#get('ssl.keystore.certificate.chain') ?? this.#get('ssl.certificate.pem')
    const key = this.#get('ssl.keystore.key') ?? this.#get('ssl.key.pem')
    return {
      cert: cert ?? (await this.#file('ssl.certificate.location')),
      key: key ?? (await this.#file('ssl.key.location')),
    }
  }

  #get(name: Name): string | undefined {
    return this.#values.get(name)
  }

  async #file(name: Name): Promise<Buffer | undefined> {
    const path = this.#get(name)
    if (path === undefined) return undefined
    return (await this.#readFile(path)) ?? this.#refuse(`${name}: there is no file ${path}`)
  }

  #refuse(why: string): never {
    throw new HoldfastError('INVALID_ARGUMENT', `${this.#path}: ${why}.`)
  }
}

function isPem(bytes: Buffer): boolean {
  return bytes.includes('-----BEGIN ')
}

/** Of `org.apache.kafka.….LoginModule required username="alice" password="secret";`. */
function optionsOf(jaas: string): ReadonlyMap<string, string> {
  const pairs = jaas.matchAll(/([A-Za-z]\w*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))/g)
  return new Map(
    [...pairs].map(([, name, double, single, bare]) => [name, (double ?? single ?? bare).replace(/\\(.)/g, '$1')]),
  )
}
