/** The engine in use: in this process, or served by another one; opened, closed in order, or killed. */

import { Broker } from '../../src/broker/broker.js'
import type { BrokerService } from '../../src/broker/contract.js'
import { Queue } from '../../src/client/queue.js'
import type { Disk } from '../../src/files/disk.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { serve } from '../support/served-broker.js'
import type { World } from './world.js'

export interface Session {
  readonly service: BrokerService
  readonly queue: Queue
  /** Whether it can be killed. */
  readonly isAnotherProcess: boolean
  close(): Promise<void>
  kill(): Promise<void>
}

/** `disk` may stand between the library and the system's. */
export function openSession(dataDir: string, world: World, disk?: Disk): Promise<Session> {
  return world.face === 'library' ? openLibrary(dataDir, world, disk) : openBroker(dataDir, world)
}

async function openLibrary(dataDir: string, { settings }: World, disk?: Disk): Promise<Session> {
  const service = await Broker.open(dataDir, { settings, disk })
  const queue = new Queue(service)
  return {
    service,
    queue,
    isAnotherProcess: false,
    close: () => queue.close(),
    kill: () => Promise.reject(new Error('the library is in this process')),
  }
}

async function openBroker(dataDir: string, { settings }: World): Promise<Session> {
  const broker = await serve(dataDir, { settings: settings as Readonly<Record<string, string | number>> })
  const service = await RemoteBroker.connect(broker.address)
  const queue = new Queue(service)
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    await broker.end(signal)
    await queue.close().catch(() => {})
  }
  return { service, queue, isAnotherProcess: true, close: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}
