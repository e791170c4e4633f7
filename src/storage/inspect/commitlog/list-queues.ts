/** Finds the consume queues of a store, and opens a check for each. */

import { join } from 'node:path'
import { mapParallel } from '../../../core/parallel.js'
import type { Disk } from '../../../files/disk.js'
import { OpenFiles } from '../../../files/open-files.js'
import { queueEntryBytes, scheduleTopic, storeNames } from '../../commitlog/format.js'
import type { Findings } from '../findings.js'
import { EntryCursor } from './entry-cursor.js'
import { checkFixedFiles, type ListedDirectory, listFixedFiles, type SizeRules, sizeOfMost } from './fixed-files.js'
import { type LogBounds, QueueCheck } from './queue-check.js'

export interface QueuesRequest {
  readonly disk: Disk
  readonly storePath: string
  /** As `mapped.file.size.consumequeue` has it, in whole entries. */
  readonly usualFileBytes: number
  readonly clean: boolean
  readonly log: LogBounds
}

/** RocketMQ's queues that lead to messages of other topics. */
const lightQueues = /^%LMQ%/

/** RocketMQ's directory for more than fits into an entry. */
const extendedQueues = 'consumequeue_ext'

const parallelQueues = 32
const openQueueFiles = 256
/** Of entries, for all queues together, and for one. */
const mostBytes = 64 * 1024 * 1024
const pieceBytes = { least: 4_000, most: 256_000 }

export const remakeQueues =
  'holdfast repair moves it aside, and the next start makes it anew; until then the store does not open'

export class QueueChecks {
  readonly #request: QueuesRequest
  readonly #findings: Findings
  readonly #openFiles: OpenFiles
  readonly #topics = new Map<string, Map<number, QueueCheck>>()
  #hasExtended = false

  private constructor(request: QueuesRequest, findings: Findings) {
    this.#request = request
    this.#findings = findings
    this.#openFiles = new OpenFiles(request.disk, openQueueFiles)
  }

  static async open(request: QueuesRequest, findings: Findings): Promise<QueueChecks> {
    const checks = new QueueChecks(request, findings)
    await checks.#list()
    return checks
  }

  /** The check of a queue; one without files where there are none. */
  of(topic: string, queueId: number): QueueCheck {
    return this.#topics.get(topic)?.get(queueId) ?? this.#put(topic, queueId, new EntryCursor([], this.#openFiles, 0))
  }

  all(): QueueCheck[] {
    return [...this.#topics.values()].flatMap((queues) => [...queues.values()])
  }

  close(): Promise<void> {
    return this.#openFiles.dropAll()
  }

  async #list(): Promise<void> {
    const { disk, storePath, usualFileBytes, clean } = this.#request
    this.#hasExtended = (await disk.list(join(storePath, extendedQueues))) !== undefined
    const places = await this.#places()
    const listed = await mapParallel(places, parallelQueues, async (place) => ({
      ...place,
      listed: await listFixedFiles(disk, this.#directoryOf(place.topic, place.queueId)),
    }))
    const fileBytes = this.#fileBytes(
      listed.map((one) => one.listed),
      usualFileBytes,
    )
    const rules: SizeRules = { fileBytes, clean, next: remakeQueues }
    const share = Math.floor(mostBytes / Math.max(1, listed.length))
    const piece = Math.min(pieceBytes.most, Math.max(pieceBytes.least, share - (share % queueEntryBytes)))
    for (const { topic, queueId, listed: found } of listed) {
      const files = checkFixedFiles(found, rules, this.#findings)
      const hole = files.findIndex(({ start }, i) => i > 0 && start !== files[i - 1].start + fileBytes)
      if (hole > 0) this.#findings.add('queue-behind', found.directory, `Before ${files[hole].path} a file is missing`)
      const readable = hole > 0 ? files.slice(0, hole) : files
      this.#put(topic, queueId, new EntryCursor(readable, this.#openFiles, piece))
    }
  }

  #fileBytes(listed: readonly ListedDirectory[], usual: number): number {
    const found = sizeOfMost(
      listed.flatMap(({ files }) => files),
      usual,
    )
    const most = found % queueEntryBytes === 0 ? found : usual
    if (most !== usual) {
      const what = `Files of consume queues have ${most} bytes, and mapped.file.size.consumequeue makes ${usual}`
      const next = `open the store with mapped.file.size.consumequeue = ${most}`
      this.#findings.add('file-size-wrong', this.#root, what, { severity: 'note', next })
    }
    return most
  }

  async #places(): Promise<{ topic: string; queueId: number }[]> {
    const { disk } = this.#request
    const places: { topic: string; queueId: number }[] = []
    for (const { name: topic, isDirectory } of (await disk.list(this.#root)) ?? []) {
      const path = join(this.#root, topic)
      if (!isDirectory) this.#findings.add('foreign-file', path, 'It is no directory of a topic')
      else if (!lightQueues.test(topic)) {
        for (const { name } of (await disk.list(path)) ?? []) {
          if (/^(0|[1-9]\d{0,9})$/.test(name)) places.push({ topic, queueId: Number(name) })
          else this.#findings.add('foreign-file', join(path, name), 'It is no consume queue: its name is no number')
        }
      }
    }
    return places
  }

  get #root(): string {
    return join(this.#request.storePath, storeNames.consumeQueue)
  }

  #directoryOf(topic: string, queueId: number): string {
    return join(this.#root, topic, String(queueId))
  }

  #put(topic: string, queueId: number, cursor: EntryCursor): QueueCheck {
    const directory = this.#directoryOf(topic, queueId)
    const place = { topic, queueId, directory }
    const tags = topic === scheduleTopic ? 'unknown' : this.#hasExtended ? 'may lie elsewhere' : 'known'
    const check = new QueueCheck(place, cursor, this.#request.log, tags, this.#findings)
    const queues = this.#topics.get(topic) ?? new Map<number, QueueCheck>()
    this.#topics.set(topic, queues.set(queueId, check))
    return check
  }
}
