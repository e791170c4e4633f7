/**
 * One message of the commit log as a view over its bytes, and the reader that tells what lies at a place of the log: a
 * message that is whole, the blank at the end of a file, the end of what was written, or something that is none of these.
 *
 * The layout is in `format.ts`; what is checked is what RocketMQ's recovery checks (CommitLog.checkMessageAndReturnSize),
 * and of our own messages more: see `ownMark`.
 */

import { crc32 } from 'node:zlib'
import { readInt64 } from '../../core/codec/int64.js'
import {
  at,
  atWithV4Hosts,
  blankBytes,
  hostV4Bytes,
  hostV6Bytes,
  magic,
  messageOverheadBytes,
  ownMark,
  sysFlag,
} from './format.js'
import { hostText } from './host.js'
import { hasCrcProperty, messageCrcMatches } from './message-crc.js'

/** What an IPv6 host takes more than an IPv4 one. */
const v6MoreBytes = hostV6Bytes - hostV4Bytes

/** RocketMQ keeps 31 bits of a CRC, so that it is not negative as an i32. */
const crcMask = 0x7fffffff

/** Of what the reader found wrong. */
export interface MessageFault {
  readonly kind: 'fault'
  /** A clause to be put behind "the message at position …". */
  readonly reason: string
  /** Given where nothing is wrong but that fewer bytes are there than the message claims: how many it takes. */
  readonly neededBytes?: number
}

/** The rest of a file, which holds no message. */
export interface Blank {
  readonly kind: 'blank'
  /** From its first byte to the end of the file. */
  readonly sizeInBytes: number
}

/** Nothing was written here: eight bytes of zero. */
export interface EndOfLog {
  readonly kind: 'end'
}

export type MessageReading = MessageView | Blank | EndOfLog | MessageFault

const endOfLog: EndOfLog = { kind: 'end' }

/**
 * A message that {@link readMessage} has found whole. Its getters read the bytes when they are asked; slices share memory
 * with them.
 */
export class MessageView {
  readonly kind = 'message'
  readonly bytes: Buffer
  /** Where the message begins in `bytes`. */
  readonly start: number
  /** By how much two hosts move what lies behind them. */
  readonly #bornMore: number
  readonly #hostsMore: number
  readonly #topicStart: number

  /** The bytes have been checked: see {@link readMessage}. */
  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes
    this.start = start
    const flags = bytes.readInt32BE(start + at.sysFlag)
    this.#bornMore = flags & sysFlag.bornHostV6 ? v6MoreBytes : 0
    this.#hostsMore = this.#bornMore + (flags & sysFlag.storeHostV6 ? v6MoreBytes : 0)
    this.#topicStart = this.bodyStart + this.bodyLength + (this.magic === magic.messageV1 ? 1 : 2)
  }

  get sizeInBytes(): number {
    return this.bytes.readInt32BE(this.start + at.totalSize)
  }

  /** Where the message ends in `bytes`. */
  get end(): number {
    return this.start + this.sizeInBytes
  }

  get magic(): number {
    return this.bytes.readInt32BE(this.start + at.magic)
  }

  get bodyCrc(): number {
    return this.bytes.readInt32BE(this.start + at.bodyCrc)
  }

  get queueId(): number {
    return this.bytes.readInt32BE(this.start + at.queueId)
  }

  /** The application's. */
  get flag(): number {
    return this.bytes.readInt32BE(this.start + at.flag)
  }

  get queueOffset(): number {
    return readInt64(this.bytes, this.start + at.queueOffset)
  }

  /** Where in the commit log the message lies, as it says itself. */
  get position(): number {
    return readInt64(this.bytes, this.start + at.position)
  }

  get sysFlag(): number {
    return this.bytes.readInt32BE(this.start + at.sysFlag)
  }

  /** Prepared and rolled back messages of RocketMQ's old transactions have no place in a queue. */
  get transactionType(): 'none' | 'prepared' | 'commit' | 'rollback' {
    switch (this.sysFlag & sysFlag.transactionMask) {
      case sysFlag.transactionPrepared:
        return 'prepared'
      case sysFlag.transactionCommit:
        return 'commit'
      case sysFlag.transactionRollback:
        return 'rollback'
      default:
        return 'none'
    }
  }

  /** Milliseconds since 1970, by the sender's clock. */
  get bornTimestamp(): number {
    return readInt64(this.bytes, this.start + at.bornTimestamp)
  }

  /** Address and port as they are stored. */
  get bornHostBytes(): Buffer {
    const start = this.start + at.bornHost
    return this.bytes.subarray(start, start + hostV4Bytes + this.#bornMore)
  }

  /** `address:port`, with an IPv6 address in brackets. */
  get bornHost(): string {
    return hostText(this.bornHostBytes)
  }

  /** Milliseconds since 1970, by the broker's clock; does not fall along the log. */
  get storeTimestamp(): number {
    return readInt64(this.bytes, this.start + atWithV4Hosts.storeTimestamp + this.#bornMore)
  }

  get storeHostBytes(): Buffer {
    const start = this.start + atWithV4Hosts.storeHost + this.#bornMore
    return this.bytes.subarray(start, start + hostV4Bytes + this.#hostsMore - this.#bornMore)
  }

  get storeHost(): string {
    return hostText(this.storeHostBytes)
  }

  get reconsumeTimes(): number {
    return this.bytes.readInt32BE(this.start + atWithV4Hosts.reconsumeTimes + this.#hostsMore)
  }

  get preparedTransactionOffset(): number {
    return readInt64(this.bytes, this.start + atWithV4Hosts.preparedTransactionOffset + this.#hostsMore)
  }

  /** We wrote it, and no RocketMQ has put it anew since. */
  get isOwn(): boolean {
    return hasOwnMark(this.bytes, this.start + atWithV4Hosts.preparedTransactionOffset + this.#hostsMore)
  }

  get bodyStart(): number {
    return this.start + atWithV4Hosts.body + this.#hostsMore
  }

  get bodyLength(): number {
    return this.bytes.readInt32BE(this.start + atWithV4Hosts.bodyLength + this.#hostsMore)
  }

  /** As it is stored, which may be compressed: see `message-body.ts`. */
  get storedBody(): Buffer {
    return this.bytes.subarray(this.bodyStart, this.bodyStart + this.bodyLength)
  }

  get topicBytes(): Buffer {
    const start = this.#topicStart
    return this.bytes.subarray(start, this.#topicEnd)
  }

  get topic(): string {
    return this.bytes.toString('utf8', this.#topicStart, this.#topicEnd)
  }

  /** Of the properties; they end where the message does. */
  get propertiesStart(): number {
    return this.#topicEnd + 2
  }

  get propertiesLength(): number {
    return this.end - this.propertiesStart
  }

  get propertiesBytes(): Buffer {
    return this.bytes.subarray(this.propertiesStart, this.end)
  }

  get #topicEnd(): number {
    const start = this.#topicStart
    const isV1 = this.magic === magic.messageV1
    return start + (isV1 ? this.bytes.readInt8(start - 1) : this.bytes.readInt16BE(start - 2))
  }
}

/**
 * What lies at `start`, of which `available` bytes are there. Nothing is thrown, whatever they are.
 *
 * @param position of `start` in the commit log; where it is given a message that says another one is a fault, as one is that a
 * reused file still holds
 */
export function readMessage(bytes: Buffer, start: number, available: number, position?: number): MessageReading {
  if (available < blankBytes) return tooShort(blankBytes)
  const sizeInBytes = bytes.readInt32BE(start + at.totalSize)
  const code = bytes.readInt32BE(start + at.magic)
  if (code === magic.blank) {
    if (sizeInBytes >= blankBytes) return { kind: 'blank', sizeInBytes }
    return fault(`is a blank of ${sizeInBytes} bytes; the least is ${blankBytes}`)
  }
  if (code === 0 && sizeInBytes === 0) return endOfLog
  if (code !== magic.messageV1 && code !== magic.messageV2) return fault(`has magic 0x${(code >>> 0).toString(16)}`)
  if (sizeInBytes < messageOverheadBytes) {
    return fault(`claims ${sizeInBytes} bytes; the least is ${messageOverheadBytes}`)
  }
  if (sizeInBytes > available) return tooShort(sizeInBytes)
  const wrongLength = lengthFault(bytes, start, sizeInBytes, code === magic.messageV1 ? 1 : 2)
  if (wrongLength !== undefined) return fault(wrongLength)
  const view = new MessageView(bytes, start)
  const wrong = fieldFault(view, position) ?? checksumFault(view)
  return wrong === undefined ? view : fault(wrong)
}

/** That the lengths of body, topic and properties make up the whole. */
function lengthFault(bytes: Buffer, start: number, sizeInBytes: number, topicLengthBytes: number): string | undefined {
  const end = start + sizeInBytes
  const flags = bytes.readInt32BE(start + at.sysFlag)
  const hostsMore = (flags & sysFlag.bornHostV6 ? v6MoreBytes : 0) + (flags & sysFlag.storeHostV6 ? v6MoreBytes : 0)
  const bodyStart = start + atWithV4Hosts.body + hostsMore
  if (bodyStart + topicLengthBytes + 2 > end) return `claims ${sizeInBytes} bytes, too few for its fixed fields`
  const bodyLength = bytes.readInt32BE(bodyStart - 4)
  const topicStart = bodyStart + bodyLength + topicLengthBytes
  if (bodyLength < 0 || topicStart + 2 > end) return `has a body of ${bodyLength} bytes in ${sizeInBytes}`
  const topicLength = topicLengthBytes === 1 ? bytes.readInt8(topicStart - 1) : bytes.readInt16BE(topicStart - 2)
  const propertiesStart = topicStart + topicLength + 2
  if (topicLength < 0 || propertiesStart > end) return `has a topic of ${topicLength} bytes`
  const propertiesLength = bytes.readInt16BE(propertiesStart - 2)
  if (propertiesLength === end - propertiesStart) return undefined
  return `claims ${sizeInBytes} bytes; by its parts it has ${propertiesStart + propertiesLength - start}`
}

/** That the numbers are such that a log can work with them. */
function fieldFault(view: MessageView, position: number | undefined): string | undefined {
  if (position !== undefined && view.position !== position) return `says that it lies at position ${view.position}`
  if (!isPlace(view.position)) return `says that it lies at position ${view.position}`
  if (!isPlace(view.queueOffset)) return `has queue offset ${view.queueOffset}`
  return view.queueId < 0 ? `has queue id ${view.queueId}` : undefined
}

function isPlace(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

function checksumFault(view: MessageView): string | undefined {
  const { bytes, start, end, isOwn } = view
  if (hasCrcProperty(bytes, view.propertiesStart, end)) {
    if (messageCrcMatches(bytes, start, end)) {
      // It covers the body too.
      if (isOwn) return undefined
    } else if (isOwn || view.reconsumeTimes === 0) {
      return 'fails its CRC'
    }
    // A message that a consumer sent back to RocketMQ keeps its properties, the CRC of the first time among them.
  } else if (isOwn) {
    return 'has lost its CRC'
  }
  const { bodyLength } = view
  // Like RocketMQ, which checks nothing where there is no body.
  if (bodyLength === 0 || (crc32(view.storedBody) & crcMask) === view.bodyCrc) return undefined
  return 'has a body that fails its CRC'
}

function hasOwnMark(bytes: Buffer, start: number): boolean {
  return bytes.readInt32BE(start) === ownMark.high && bytes.readInt32BE(start + 4) === ownMark.low
}

function fault(reason: string): MessageFault {
  return { kind: 'fault', reason }
}

function tooShort(neededBytes: number): MessageFault {
  return { kind: 'fault', reason: `takes ${neededBytes} bytes, and fewer are there`, neededBytes }
}
