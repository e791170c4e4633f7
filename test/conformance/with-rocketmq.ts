/** For the tests of this folder: RocketMQ, or the reason to skip. */

import { after, before } from 'node:test'
import { findRocketMq, type RocketMq } from '../support/rocketmq/jars.js'
import { type Judge, startJudge } from './judge.js'

const notes: string[] = []
const found = await findRocketMq((line) => notes.push(line.trim()))

/** Undefined where it cannot be had, which `run.ts` says before any test. */
export const rocketMq: RocketMq | undefined = found

/** For the `skip` option of a suite. */
export const withoutRocketMq: string | false =
  found === undefined ? `SKIPPED: ${notes.join(' ')}; a JDK and Maven are needed` : false

/** A process of its own, for a test that kills it. */
export function startRocketMqJudge({ classPath, options }: RocketMq): Promise<Judge> {
  return startJudge('rocketmq', classPath, options)
}

/** One judge for all tests of a file. */
export function rocketMqJudgeOfFile(): () => Judge {
  let judge: Judge | undefined
  before(async () => {
    if (found !== undefined) judge = await startRocketMqJudge(found)
  })
  after(() => judge?.close())
  return () => judge as Judge
}
