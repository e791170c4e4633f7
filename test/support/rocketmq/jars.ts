/** Apache RocketMQ from Maven Central, as a judge of our store directories, a client and a peer. */

import { join } from 'node:path'
import { findJars, type JarSet } from '../java/maven-jars.js'

export interface RocketMq {
  readonly version: string
  readonly classPath: string
  /** What `java` is given before the class path. */
  readonly options: readonly string[]
}

// 5.5.1 is there too, but without its client and its name server.
const version = '5.5.0'
const jars: JarSet = {
  name: 'RocketMQ',
  version,
  id: 'rocketmq',
  artifacts: [
    ['org.apache.rocketmq', 'rocketmq-store', version],
    ['org.apache.rocketmq', 'rocketmq-broker', version],
    ['org.apache.rocketmq', 'rocketmq-namesrv', version],
    ['org.apache.rocketmq', 'rocketmq-client', version],
    // What the judge speaks; the version whose core RocketMQ brings.
    ['com.fasterxml.jackson.core', 'jackson-databind', '2.18.1'],
  ],
}

/** Of the parts of Java's library that its mapped files reach into. */
const opened = [
  '--add-opens=java.base/java.nio=ALL-UNNAMED',
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-exports=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-opens=java.base/java.lang=ALL-UNNAMED',
]
const logging = `-Drmq.logback.configurationFile=${join(import.meta.dirname, 'logback.xml')}`

/** Undefined, after a line that says why, where it cannot be had. */
export async function findRocketMq(say: (line: string) => void): Promise<RocketMq | undefined> {
  const classPath = await findJars(jars, say)
  return classPath === undefined ? undefined : { version, classPath, options: [...opened, logging] }
}
