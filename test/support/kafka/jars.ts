/** Apache Kafka from Maven Central, as a judge, a client and a peer. */

import { findJars, type JarSet } from '../java/maven-jars.js'

export interface Kafka {
  readonly version: string
  readonly classPath: string
  /** What `java` is given before a class of Kafka's. */
  readonly options: readonly string[]
}

const version = '4.1.1'
const jars: JarSet = {
  name: 'Kafka',
  version,
  id: 'kafka',
  artifacts: [
    ['org.apache.kafka', 'kafka_2.13', version],
    ['org.apache.kafka', 'kafka-tools', version],
    // Where Kafka's warnings go: to stderr.
    ['org.slf4j', 'slf4j-simple', '1.7.36'],
  ],
}
/** Of Kafka's warnings and errors alone. */
export const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'

/** Undefined, after a line that says why, where it cannot be had. */
export async function findKafka(say: (line: string) => void): Promise<Kafka | undefined> {
  const classPath = await findJars(jars, say)
  return classPath === undefined ? undefined : { version, classPath, options: [logging, '-cp', classPath] }
}
