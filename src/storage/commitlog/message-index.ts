/**
 * The key index of a commit log: RocketMQ's `store/index`, in which messages are found by the hash of `topic#key`.
 *
 * What must hold: the files hold the entries in the order of the log, and no header counts an entry that is not durable. So
 * whatever a crash leaves is an index of all messages up to its `endPosition`, which goes on when those behind it are put
 * again. What is found is a hint: whoever searches reads the message and compares the key.
 *
 * Memory: four bytes for each slot of the file that takes entries (20 MB with the usual 5,000,000), as much again while a
 * full one goes to the disk beside the next, and at most 4 MiB of entries where callers wait when `put` asks them to.
 */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { Mutex } from '../../core/mutex.js'
import type { Disk } from '../../files/disk.js'
import type { DispatchedMessage } from './dispatch.js'
import type { IndexFile } from './index-file.js'
import { IndexFiles } from './index-files.js'
import { type IndexHeader, type IndexShape, indexHash } from './index-format.js'
import { type IndexCandidate, type IndexSearch, isInTime, walkIndexFile } from './index-walk.js'

export interface MessageIndexOptions {
  readonly shape: IndexShape
  readonly clock: Clock
  readonly logger: Logger
  /** Whether the last one who wrote here has closed it. Where not, the last file's chains are made anew from its entries. */
  readonly isClean: boolean
  /** Where files go that cannot be used: outside of the store, in the same file system. */
  readonly aside: string
  /** How many entries are gathered for a write; for tests. */
  readonly pieceEntries?: number
}

/** What an owner keeps of the index, to know later whether it is still the same. */
export interface IndexExtent {
  /** Oldest first. */
  readonly fileNames: readonly string[]
  /** Of each file, where the last message begins that it leads to. */
  readonly fileEnds: readonly number[]
  /** Where the last message begins that has a key; -1 where there was none. */
  readonly endPosition: number
}

type IndexedMessage = Pick<DispatchedMessage, 'keyHashes' | 'position' | 'storeTimestamp'>

/** Pieces of entries that may wait for the disk before `put` asks for patience. */
const mostPieces = 16
/** Files that may take entries or wait to be written to their end. */
const mostTails = 2

export class MessageIndex {
  readonly #files: IndexFiles
  readonly #options: MessageIndexOptions
  readonly #turns = new Mutex()
  /** The position of the last message put, and how many of its keys are in. */
  #end = -1
  #keysAtEnd = 0
  #failure: unknown
  /** Why a message that came is not in the index. */
  #missing: unknown
  /** What comes is read from the log, behind what is read from it now. */
  #isBehind = false
  #isClosed = false
  #writing: Promise<void> | undefined

  private constructor(files: IndexFiles, options: MessageIndexOptions) {
    this.#files = files
    this.#options = options
  }

  /**
   * Opens `store/index`, which is made where there is none. Files that cannot be used are moved aside, and `rebuildReason`
   * says so. @throws DISK_FAILED, DATA_DIR_READ_ONLY
   */
  static async open(disk: Disk, directory: string, options: MessageIndexOptions): Promise<MessageIndex> {
    const { shape, aside, logger, pieceEntries } = options
    const files = new IndexFiles({ disk, directory, aside, shape, logger }, pieceEntries)
    await files.load(options.isClean)
    const index = new MessageIndex(files, options)
    await index.#findEnd()
    return index
  }

  /** Of what was put. What the files hold durably may end earlier until `flush`. */
  get extent(): IndexExtent {
    const { list } = this.#files
    return {
      fileNames: list.map(({ name }) => name),
      fileEnds: list.map(({ header }) => header.endPosition),
      endPosition: this.#end,
    }
  }

  /** Why messages may be missing, so that the index is to be `reset` and all messages to be put again. */
  get rebuildReason(): string | undefined {
    return this.#files.damage
  }

  /** Why it takes nothing any more, or has not caught up with what it missed. */
  get failure(): unknown {
    return this.#failure ?? (this.#isBehind ? this.#missing : undefined)
  }

  /**
   * Whether nothing is missing of what the index held when its `extent` was recorded, after a flush, but for what
   * `removeBefore` removed. `truncateFrom` takes something away: the extent is to be recorded anew behind it.
   * @param logStart where the commit log begins now
   */
  continues(recorded: IndexExtent, logStart: number): boolean {
    const { fileNames, endPosition } = this.extent
    if (this.rebuildReason !== undefined || endPosition < recorded.endPosition) return false
    if (recorded.fileNames.length === 0) return true
    const removed = recorded.fileNames.indexOf(fileNames[0])
    if (removed > 0 && recorded.fileEnds[removed - 1] >= logStart) return false
    return removed >= 0 && recorded.fileNames.slice(removed).every((name, i) => name === fileNames[i])
  }

  /**
   * Adds a message under its keys; messages come in the order of the log. Those that are there already are passed over, as
   * is everything after a failure, which `flush` tells. Where a promise comes back, so much waits for the disk that no more
   * should be put before it has resolved; it never rejects. @throws CLOSED
   */
  put(message: IndexedMessage): Promise<void> | undefined {
    return this.#isBehind ? undefined : this.#put(message)
  }

  /**
   * After a failure: opens the files anew. Until {@link caughtUp}, `put` does nothing, and who searches is told the failure;
   * all messages from the position on that it resolves with are to be put by {@link putAgain}; -1 for the first.
   * @throws DISK_FAILED and the like: nothing has changed
   */
  reopen(): Promise<number> {
    this.#assertOpen()
    return this.#turns.run(async () => {
      this.#missing ??= this.#failure
      this.#isBehind = true
      await this.#files.reload()
      if (this.rebuildReason !== undefined) await this.#files.clear()
      await this.#findEnd()
      this.#failure = undefined
      return this.#end
    })
  }

  putAgain(message: IndexedMessage): Promise<void> | undefined {
    return this.#put(message)
  }

  /** All messages are in. */
  caughtUp(): void {
    if (this.#failure !== undefined) return
    this.#isBehind = false
    this.#missing = undefined
  }

  #put({ keyHashes, position, storeTimestamp }: IndexedMessage): Promise<void> | undefined {
    if (keyHashes.length === 0 || position < this.#end) return undefined
    this.#assertOpen()
    if (this.#failure !== undefined) {
      if (position > this.#end) this.#missing ??= this.#failure
      return undefined
    }
    let tail = this.#files.last?.tail
    for (let i = position === this.#end ? this.#keysAtEnd : 0; i < keyHashes.length; i++) {
      if (tail === undefined || tail.isFull) tail = this.#files.begin(this.#options.clock.now())
      tail.add(indexHash(keyHashes[i]), position, storeTimestamp)
    }
    this.#end = position
    this.#keysAtEnd = keyHashes.length
    return tail === undefined || (tail.fullPieces === 0 && !tail.isFull)
      ? undefined
      : this.#writeBeside(tail.fullPieces)
  }

  /**
   * Makes all that was put before the call durable. Resolves with the header of the last file as it is on the disk by then,
   * undefined where there is none. @throws DISK_FULL, DISK_FAILED: from then on nothing is added any more, until `reopen`
   */
  flush(): Promise<IndexHeader | undefined> {
    return this.#inTurn(async () => {
      let last: IndexHeader | undefined
      for (const file of [...this.#files.list]) {
        if (file.state === 'broken' && file.tail === undefined) await this.#files.mend(file)
        last = (await this.#flushFile(file)) ?? { ...file.header }
      }
      return last
    })
  }

  /**
   * Where messages may be that have a key of this Java hash and were stored in [begin, end], ms since 1970: the newest first,
   * each once, those that are not flushed too. @throws DATA_DIR_DAMAGED where a file has been shortened; DISK_FAILED; CLOSED;
   * the failure of a write, once a message has come that is not in the index for it
   */
  async *candidates(javaHash: number, begin: number, end: number): AsyncGenerator<IndexCandidate> {
    this.#assertOpen()
    if (this.#missing !== undefined) throw this.#missing
    const search: IndexSearch = { keyHash: indexHash(javaHash), begin, end }
    let lastPosition = -1
    for (const file of [...this.#files.list].reverse()) {
      if (!isInTime(file.header, search)) continue
      for await (const found of this.#walk(file, search)) {
        // A message may have two keys of one hash, or have been put again by RocketMQ.
        if (found.position === lastPosition) continue
        lastPosition = found.position
        yield found
        this.#assertOpen()
      }
    }
  }

  /** Removes files that lead only to messages before `position`, where the log begins by now; never the last one. */
  removeBefore(position: number): Promise<void> {
    return this.#inTurn(() => this.#files.removeBefore(position))
  }

  /**
   * Takes away all that leads to `position` or behind it: where the log was cut, and at each start, where it ends. Nothing is
   * put meanwhile.
   */
  async truncateFrom(position: number): Promise<void> {
    if (this.#end < position) return
    await this.flush()
    await this.#inTurn(async () => {
      await this.#files.truncateFrom(position)
      await this.#findEnd()
    })
  }

  /** Removes all files, to begin anew; also after a failure. Nothing is put meanwhile. */
  async reset(): Promise<void> {
    this.#assertOpen()
    await this.#turns.run(async () => {
      await this.#files.clear()
      this.#failure = undefined
      this.#missing = undefined
      this.#isBehind = false
      await this.#findEnd()
    })
  }

  /** Makes all durable that was put, and lets go of the files. @throws what kept it from that; it is closed in any case */
  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      await this.flush()
    } finally {
      this.#isClosed = true
      await this.#turns.run(() => this.#files.close())
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new HoldfastError('CLOSED', 'The key index of the commit log is closed.')
  }

  async #findEnd(): Promise<void> {
    const end = this.#files.last?.header.endPosition ?? 0
    this.#keysAtEnd = await this.#files.entriesOfLastMessage()
    this.#end = end === 0 && this.#keysAtEnd === 0 ? -1 : end
  }

  async *#walk(file: IndexFile, search: IndexSearch): AsyncGenerator<IndexCandidate> {
    const { shape, logger } = this.#options
    try {
      yield* walkIndexFile(this.#files.readerOf(file), file.header, shape, search, () => {
        if (file.state !== 'sound') return
        file.state = 'broken'
        logger.warn({ path: file.path }, 'A chain of a key index file is broken; its entries are searched one by one.')
      })
    } catch (error) {
      if (!file.isGone) throw error
    }
  }

  /** Lets entries be written while others are put. */
  #writeBeside(pieces: number): Promise<void> | undefined {
    this.#writing ??= this.#inTurn(async () => {
      for (const file of [...this.#files.list]) {
        if (file.tail?.isFull) await this.#flushFile(file)
        else await file.tail?.write()
      }
    })
      .catch(() => {})
      .finally(() => {
        this.#writing = undefined
      })
    const tails = this.#files.list.reduce((count, { tail }) => count + Number(tail !== undefined), 0)
    return pieces >= mostPieces || tails > mostTails ? this.#writing : undefined
  }

  /** A file that is full takes no more part in what is put. */
  async #flushFile(file: IndexFile): Promise<IndexHeader | undefined> {
    const { tail } = file
    let header = await tail?.flush()
    // It may have become full while its slots were being written.
    while (tail?.isFull && tail.isBehind) header = await tail.flush()
    if (tail?.isFull) {
      file.tail = undefined
      await tail.close()
    }
    return header
  }

  /** Runs `work` alone; what goes wrong in it is said to all who come later. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    return await this.#turns.run(async () => {
      if (this.#failure !== undefined) throw this.#failure
      try {
        return await work()
      } catch (error) {
        this.#failure = error
        throw error
      }
    })
  }
}
