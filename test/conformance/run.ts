/**
 * Runs the tests in which Apache Kafka judges our files and its clients our broker, and RocketMQ our store directories:
 * `npm run test:conformance`, or those whose name contains one of the arguments. Where there is no JDK or no Maven they
 * are skipped, loudly; under CI that is a failure, since nobody would read the line there.
 */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { findKafka } from '../support/kafka/jars.js'
import { findRocketMq } from '../support/rocketmq/jars.js'

const say = (line: string) => console.error(line)
const judges = { Kafka: await findKafka(say), RocketMQ: await findRocketMq(say) }
const absent = Object.entries(judges).flatMap(([name, found]) => (found === undefined ? [name] : []))
for (const name of absent) {
  console.error(`\n!!! SKIPPED: ${name}'s judgement of our files; it needs a JDK (17 or newer) and Maven.\n`)
}
if (absent.length > 0 && process.env['CI'] !== undefined) process.exit(1)
if (absent.length === Object.keys(judges).length) process.exit(0)

const wanted = process.argv.slice(2)
const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.conformance.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
  .sort()
  .map((name) => join(import.meta.dirname, name))

// One after the other: each has a JVM of its own, some two.
run({ files, concurrency: 1, timeout: 600_000 })
  .on('test:fail', () => {
    process.exitCode = 1
  })
  .compose(new spec())
  .pipe(process.stdout)
