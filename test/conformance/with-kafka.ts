/** For the tests of this folder: Kafka, or the reason to skip. */

import { after, before } from 'node:test'
import { findKafka, type Kafka, logging } from '../support/kafka/jars.js'
import { type Judge, startJudge } from './judge.js'

const notes: string[] = []
const found = await findKafka((line) => notes.push(line.trim()))

/** Undefined where it cannot be had, which `run.ts` says before any test. */
export const kafka: Kafka | undefined = found

/** For the `skip` option of a suite. */
export const withoutKafka: string | false =
  found === undefined ? `SKIPPED: ${notes.join(' ')}; a JDK and Maven are needed` : false

/** One judge for all tests of a file. */
export function judgeOfFile(): () => Judge {
  let judge: Judge | undefined
  before(async () => {
    if (found !== undefined) judge = await startJudge('kafka', found.classPath, [logging])
  })
  after(() => judge?.close())
  return () => judge as Judge
}
