/**
 * Programs in Java from Maven Central, as judges, clients and peers: resolved by Maven into a cache outside of the
 * repository. Where Java or Maven is missing, what needs them is left out, and that is said.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface JarSet {
  /** As a person calls it. */
  readonly name: string
  readonly version: string
  /** Of its directory in the cache, and of its jars' directory in there. */
  readonly id: string
  readonly artifacts: readonly (readonly [group: string, artifact: string, version: string])[]
}

/** For a process that lives for seconds: little memory, and no time for a second compiler. */
export const shortLived = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

const found = new Map<JarSet, string>()

/** The class path of all of them; undefined, after a line that says why, where it cannot be had. */
export async function findJars(set: JarSet, say: (line: string) => void): Promise<string | undefined> {
  const known = found.get(set)
  if (known !== undefined) return known
  const { name, version } = set
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), `holdfast-${set.id}`)
  const jars = join(cache, `${set.id}-${version}`)
  const missing = ['java', 'mvn'].filter((command) => spawnSync(command, ['-version']).status !== 0)
  if (missing.includes('java') || (missing.length > 0 && !hasJars(set, jars))) {
    say(`\n  !! ${name} and its Java client are left out: there is no ${missing.join(' and no ')} here`)
    return undefined
  }
  if (!hasJars(set, jars)) {
    say(`\n  fetching ${name} ${version} from Maven Central into ${jars} (once)`)
    const why = resolveJars(set, cache, jars)
    if (why !== undefined) {
      say(`  !! ${name} and its Java client are left out: Maven could not resolve them: ${why}`)
      return undefined
    }
  }
  const classPath = join(jars, '*')
  found.set(set, classPath)
  return classPath
}

function hasJars({ artifacts }: JarSet, directory: string): boolean {
  try {
    const names = readdirSync(directory)
    return artifacts.every(([, artifact]) => names.some((name) => name.startsWith(artifact)))
  } catch {
    return false
  }
}

/** Into a directory aside, renamed when it is whole. Returns what went wrong. */
function resolveJars({ id, artifacts }: JarSet, cache: string, jars: string): string | undefined {
  const aside = `${jars}.${process.pid}`
  mkdirSync(aside, { recursive: true })
  const dependencies = artifacts.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  )
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>holdfast</groupId><artifactId>${id}</artifactId><version>1</version><packaging>pom</packaging>
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
