/**
 * The file of `--command-config`: who this command is to a cluster, in the words of Kafka's own clients or of librdkafka, so
 * that the file that kafka-topics.sh or kcat takes is taken here too. What else such a file says is for others.
 */

import { X509Certificate } from 'node:crypto'
import { HoldfastError, reasonOf } from '../core/errors.js'
import { parseProperties } from '../core/settings-file.js'
import { type Sasl, saslMechanisms } from '../kafka/sasl/log-in.js'
import { type Security, tryIdentity } from '../kafka/sockets.js'

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
  'ssl.truststore.password',
  'ssl.truststore.type',
] as const
type Name = (typeof known)[number]
type Tls = Exclude<Security['tls'], boolean | undefined>
type Own = Pick<Tls, 'cert' | 'key' | 'pfx' | 'passphrase'>

/** Certificates or keys, and the setting that gave them. */
interface Material {
  readonly name: Name
  readonly content: Buffer | string
}

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
    for (const { name, value } of parseProperties(path, asKcatReads(bytes))) {
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
    return {
      ca: await this.#trusted(),
      ...(await this.#own()),
      // As Kafka's clients do it: the chain is still verified, the name is not.
      ...(algorithm === '' || algorithm === 'none' ? { checkServerIdentity: () => undefined } : {}),
    }
  }

  async #trusted(): Promise<Buffer | string | undefined> {
    const inline = ['ssl.truststore.certificates', 'ssl.ca.pem'] as const
    const found = await this.#first(...inline, 'ssl.truststore.location', 'ssl.ca.location')
    if (found === undefined) return undefined
    if (!isPem(found.content)) {
      this.#refuse(`${found.name} is no PEM file; "keytool -exportcert -rfc" writes one out of a keystore of Java`)
    }
    // A secure context takes what is no certificate without a word, and believes nobody then.
    this.#try([found], () => new X509Certificate(found.content))
    return found.content
  }

  async #own(): Promise<Own> {
    const store = await this.#first('ssl.keystore.location')
    if (store !== undefined && !isPem(store.content)) return this.#pkcs12(store)
    const chain = ['ssl.keystore.certificate.chain', 'ssl.certificate.pem', 'ssl.certificate.location'] as const
    const cert = store ?? (await this.#first(...chain))
    const key = store ?? (await this.#first('ssl.keystore.key', 'ssl.key.pem', 'ssl.key.location'))
    const passphrase = this.#get('ssl.key.password')
    const own = { cert: cert?.content, key: key?.content, ...(passphrase === undefined ? {} : { passphrase }) }
    this.#try([cert, key], () => tryIdentity(own), 'ssl.key.password')
    return own
  }

  #pkcs12(store: Material): Own {
    const type = this.#get('ssl.keystore.type')?.toUpperCase() ?? 'PKCS12'
    // DER begins so; a keystore in Java's own form does not.
    if (type !== 'PKCS12' || store.content[0] !== 0x30) {
      this.#refuse(
        `${store.name} must be a file of PEM, or one of PKCS12 with ssl.keystore.type=PKCS12; ` +
          '"keytool -importkeystore -deststoretype PKCS12" makes one out of a keystore of Java',
      )
    }
    const own = { pfx: store.content, passphrase: this.#get('ssl.keystore.password') }
    this.#try([store], () => tryIdentity(own), 'ssl.keystore.password')
    return own
  }

  /** Here rather than at the first connection, where nobody knows the name of the setting. */
  #try(materials: readonly (Material | undefined)[], use: () => unknown, password?: Name): void {
    try {
      use()
    } catch (error) {
      const names = new Set(materials.flatMap((material) => (material === undefined ? [] : this.#nameOf(material))))
      const isGiven = password !== undefined && this.#get(password) !== undefined
      const hint = password === undefined ? '' : ` (${password} is ${isGiven ? 'given' : 'not given'})`
      this.#refuse(`${[...names].join(' and ')} cannot be used: ${reasonOf(error)}${hint}`)
    }
  }

  #nameOf({ name }: Material): string {
    return name.endsWith('.location') ? `${name} (${this.#get(name)})` : name
  }

  async #first(...names: readonly Name[]): Promise<Material | undefined> {
    const name = names.find((name) => this.#values.has(name))
    if (name === undefined) return undefined
    const value = this.#get(name) ?? ''
    if (!name.endsWith('.location')) return { name, content: this.#pem(name, value) }
    const content = (await this.#readFile(value)) ?? this.#refuse(`${name}: there is no file ${value}`)
    return { name, content }
  }

  /** Its lines were lost where the value was carried on from line to line, and OpenSSL needs them. */
  #pem(name: Name, value: string): string {
    const blocks = [...value.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g)]
    if (blocks.length === 0) this.#refuse(`${name} holds no PEM`)
    return blocks.map(([, label, body]) => pemOf(label, body)).join('\n')
  }

  #get(name: Name): string | undefined {
    return this.#values.get(name)
  }

  #refuse(why: string): never {
    throw new HoldfastError('INVALID_ARGUMENT', `${this.#path}: ${why}.`)
  }
}

function isPem(content: Buffer | string): boolean {
  return content.includes('-----BEGIN ')
}

function pemOf(label: string, body: string): string {
  // With headers, which say how it is encrypted, it can only be taken as it is.
  if (body.includes(':')) return `-----BEGIN ${label}-----${body}-----END ${label}-----`
  const lines = body.replace(/\s+/g, '').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].join('\n')
}

const linesOfKcat =
  /^(?:\xef\xbb\xbf)?[ \t\f]*(?:sasl\.(?:username|password|mechanisms)|ssl\.(?:ca|certificate|key)\.location)[ \t\f=:].*$/gm

/**
 * In names that librdkafka alone has, a backslash is a character like others, as kcat takes it (before : and = kcat drops
 * it): read as Java reads them, a password would be another one. Escaped here, it survives that.
 */
function asKcatReads(bytes: Buffer): Buffer {
  const escaped = (line: string): string => line.replace(/\\+([:=])|\\/g, (_, kept?: string) => kept ?? '\\\\')
  // A character of Latin-1 is a byte, whatever the bytes are.
  return Buffer.from(bytes.toString('latin1').replace(linesOfKcat, escaped), 'latin1')
}

/** Of `org.apache.kafka.….LoginModule required username="alice" password="secret";`. */
function optionsOf(jaas: string): ReadonlyMap<string, string> {
  const pairs = jaas.matchAll(/([A-Za-z]\w*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))/g)
  return new Map(
    [...pairs].map(([, name, double, single, bare]) => [name, (double ?? single ?? bare).replace(/\\(.)/g, '$1')]),
  )
}
