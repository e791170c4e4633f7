/** Reads a log from its start to its end, again and again: whole batches, or message by message. */

import type { Contender, Options } from '../harness/contender.js'
import { loadBroker, loadLibrary } from '../holdfast.js'
import { type Shape, sampleTopic, writeSampleLog } from '../sample-log.js'
import { touchPages } from './touching.js'

interface ReadOptions extends Shape {
  readonly directory: string
  readonly totalBytes: number
  readonly segmentBytes: number
  /** `fetch`: `Broker.fetch` of batches. `consume`: the library's iterator. `read`: the library's `read`. */
  readonly how: 'fetch' | 'consume' | 'read'
}

/** Takes one piece from where the last one ended, and says how many bytes it had; 0 at the end. */
type Reader = () => Promise<number>

const fetchBytes = 1 << 20
const readLimit = 1000

export async function start(given: Options): Promise<Contender> {
  const options = given as unknown as ReadOptions
  const { batchBytes } = await writeSampleLog(options.directory, options, options.totalBytes, options.segmentBytes)
  const { reader, close } = await openReader(options, batchBytes)
  return {
    async block(ms) {
      const start = performance.now()
      let bytes = 0
      while (performance.now() - start < ms) bytes += await reader()
      return { value: bytes / 1e3 / (performance.now() - start), detail: {} }
    },
    close,
  }
}

async function openReader(
  options: ReadOptions,
  batchBytes: number,
): Promise<{ reader: Reader; close(): Promise<void> }> {
  if (options.how === 'fetch') {
    const { Broker } = await loadBroker()
    const broker = await Broker.open(options.directory)
    return { reader: fetching(broker, options, batchBytes), close: () => broker.close() }
  }
  const { open } = await loadLibrary()
  const mq = await open(options.directory)
  return { reader: options.how === 'consume' ? consuming(mq) : reading(mq), close: () => mq.close() }
}

type Broker = Awaited<ReturnType<Awaited<ReturnType<typeof loadBroker>>['Broker']['open']>>
type Mq = Awaited<ReturnType<Awaited<ReturnType<typeof loadLibrary>>['open']>>

function fetching(broker: Broker, { recordsPerBatch }: Shape, batchBytes: number): Reader {
  let offset = 0
  return async () => {
    const position = { topic: sampleTopic, partition: 0, offset, maxBytes: fetchBytes, currentLeaderEpoch: -1 }
    const [fetched] = await broker.fetch({
      positions: [position],
      maxBytes: fetchBytes,
      minBytes: 0,
      maxWaitMs: 0,
      lend: true,
    })
    if (fetched.error) throw fetched.error
    // Whoever fetches does something with the bytes; a mapping that is never touched would cost nothing.
    for (const records of fetched.records) touchPages(records)
    const bytes = fetched.records.reduce((sum, records) => sum + records.length, 0)
    fetched.release?.()
    offset = bytes === 0 ? 0 : offset + (bytes / batchBytes) * recordsPerBatch
    return bytes
  }
}

function consuming(mq: Mq): Reader {
  const begin = () => mq.consume(sampleTopic, { from: 'earliest', follow: false })
  let stream = begin()
  return async () => {
    let bytes = 0
    // So many at a time that looking at the clock costs nothing.
    for (let i = 0; i < readLimit; i++) {
      const { value, done } = await stream.next()
      if (done) {
        stream = begin()
        break
      }
      bytes += value.value?.length ?? 0
    }
    return bytes
  }
}

function reading(mq: Mq): Reader {
  let offset = 0
  return async () => {
    const messages = await mq.read(sampleTopic, { partition: 0, offset, limit: readLimit })
    offset = (messages.at(-1)?.offset ?? -1) + 1
    return messages.reduce((sum, message) => sum + (message.value?.length ?? 0), 0)
  }
}
