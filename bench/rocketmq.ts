/** A RocketMQ broker that flushes every message, and its own Java client beside it: the peer of the commit log. */

import { join } from 'node:path'
import { CommandProcess } from '../test/support/java/command-process.js'
import type { RocketMq } from '../test/support/rocketmq/jars.js'
import { startRocketMq } from '../test/support/rocketmq/server.js'
import type { Bench } from './harness/case.js'
import type { Contender, Spec } from './harness/contender.js'

export interface RocketMqLoad {
  /** Of one topic; the senders go round them. */
  readonly queues: number
  /** Each has one message under way. */
  readonly senders: number
  readonly sizeBytes: number
}

interface Loaded {
  readonly acknowledged: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** SYNC_FLUSH. By its defaults it refuses messages that wait longer than 0.2 s for their turn, which a busy disk makes them do. */
const properties = {
  flushDiskType: 'SYNC_FLUSH',
  waitTimeMillsInSendQueue: 60_000,
  osPageCacheBusyTimeOutMills: 60_000,
}

/** Durable messages a second. The broker, its name server and its client are processes of their own. */
export function rocketMqPeer(bench: Pick<Bench, 'workspace'>, rocketMq: RocketMq, load: RocketMqLoad): Spec {
  return {
    label: `RocketMQ ${rocketMq.version}, SYNC_FLUSH`,
    role: 'peer',
    async start() {
      const directory = await bench.workspace.directory()
      const server = await startRocketMq(rocketMq, directory.path, { properties })
      const stop = () => server.kill().finally(() => directory.remove())
      try {
        return await client(rocketMq, server.nameServer, load, stop)
      } catch (error) {
        await stop()
        throw error
      }
    },
  }
}

async function client(
  { classPath, options }: RocketMq,
  nameServer: string,
  { queues, senders, sizeBytes }: RocketMqLoad,
  stop: () => Promise<void>,
): Promise<Contender> {
  const program = { sources: join(import.meta.dirname, 'java'), main: 'Senders', classPath }
  const java = await CommandProcess.start({ ...program, options: ['-Xmx1g', ...options] })
  try {
    await java.ask('open', { nameServer, queues, sizeBytes })
  } catch (error) {
    await java.kill()
    throw error
  }
  return {
    async block(ms) {
      const { perSecond, ...detail } = await java.ask<Loaded>('load', { senders, ms })
      return { value: perSecond, detail: { ...detail } }
    },
    close: () => java.close().finally(stop),
  }
}
