/** What others wrote, as a Java process: Kafka's tools, log and clients, or RocketMQ's store and clients. */

import { join } from 'node:path'
import { CommandProcess } from '../support/java/command-process.js'
import { shortLived } from '../support/java/maven-jars.js'

export type Judge = CommandProcess

/** @param folder that of its sources under `java/`, which have a class Judge */
export function startJudge(
  folder: 'kafka' | 'rocketmq',
  classPath: string,
  options: readonly string[],
): Promise<Judge> {
  const sources = join(import.meta.dirname, 'java', folder)
  return CommandProcess.start({ sources, main: 'Judge', classPath, options: [...shortLived, ...options] })
}
