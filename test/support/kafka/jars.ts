/**
 * Apache Kafka from Maven Central, as a judge, a client and a peer: resolved by Maven into a cache outside of the
 * repository. Where Java or Maven is missing, what needs it is left out, and that is said.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface Kafka {
  readonly version: string
  readonly classPath: string
  /** What `java` is given before a class of Kafka's. */
  readonly options: readonly string[]
}

const version = '4.1.1'
const artifacts = [
  ['org.apache.kafka', 'kafka_2.13', version],
  ['org.apache.kafka', 'kafka-tools', version],
  // Where Kafka's warnings go: to stderr.
  ['org.slf4j', 'slf4j-simple', '1.7.36'],
] as const
/** For a process that lives for seconds: little memory, and no time for a second compiler. */
export const shortLived = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
/** Of Kafka's warnings and errors alone. */
export const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'

let found: Kafka | undefined

/** Undefined, after a line that says why, where it cannot be had. */
export async function findKafka(say: (line: string) => void): Promise<Kafka | undefined> {
  if (found !== undefined) return found
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'holdfast-kafka')
  const jars = join(cache, `kafka-${version}`)
  const missing = ['java', 'mvn'].filter((command) => spawnSync(command, ['-version']).status !== 0)
  if (missing.includes('java') || (missing.length > 0 && !hasJars(jars))) {
    say(`\n  !! Kafka and its Java client are left out: there is no ${missing.join(' and no ')} here`)
    return undefined
  }
  if (!hasJars(jars)) {
    say(`\n  fetching Kafka ${version} from Maven Central into ${jars} (once)`)
    const why = resolveJars(cache, jars)
    if (why !== undefined) {
      say(`  !! Kafka and its Java client are left out: Maven could not resolve them: ${why}`)
      return undefined
    }
  }
  const classPath = join(jars, '*')
  found = { version, classPath, options: [logging, '-cp', classPath] }
  return found
}

function hasJars(directory: string): boolean {
  try {
    const names = readdirSync(directory)
    return artifacts.every(([, artifact]) => names.some((name) => name.startsWith(artifact)))
  } catch {
    return false
  }
}

/** Into a directory aside, renamed when it is whole. Returns what went wrong. */
function resolveJars(cache: string, jars: string): string | undefined {
  const aside = `${jars}.${process.pid}`
  mkdirSync(aside, { recursive: true })
  const dependencies = artifacts.map(
    ([group, artifact, wanted]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${wanted}</version></dependency>`,
  )
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>holdfast</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('')}</dependencies></project>`
  const pomPath = join(cache, 'pom.xml')
  writeFileSync(pomPath, pom)
  const { status, stdout } = spawnSync(
    'mvn',
    ['-q', '-B', '-f', pomPath, 'dependency:copy-dependencies', `-DoutputDirectory=${aside}`],
    { encoding: 'utf8' },
  )
  if (status !== 0) {
    rmSync(aside, { recursive: true, force: true })
    return stdout.split('\n').find((line) => line.includes('ERROR')) ?? `exit code ${status}`
  }
  rmSync(jars, { recursive: true, force: true })
  renameSync(aside, jars)
  return undefined
}
