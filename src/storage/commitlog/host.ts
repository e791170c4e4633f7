/**
 * Hosts as messages hold them: the address's 4 or 16 bytes, then the port as an i32. And the id of a message, which is its
 * store host and its position in the commit log, in hexadecimal (RocketMQ's MessageDecoder.createMessageId).
 */

import { readInt64, writeInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import { hostV4Bytes, hostV6Bytes } from './format.js'

const portBytes = 4
const v6Groups = 8

/** @throws INVALID_ARGUMENT where `address` is not a numeric IPv4 or IPv6 address, or the port none */
export function hostBytes(address: string, port: number): Buffer {
  const parts = v4Parts(address) ?? v6Parts(address)
  if (parts === undefined || !Number.isInteger(port) || port < 0 || port > 0xffff) {
    throw new HoldfastError('INVALID_ARGUMENT', `A host is a numeric IP address and a port; not ${address}, ${port}.`)
  }
  const bytes = Buffer.from([...parts, 0, 0, 0, 0])
  bytes.writeInt32BE(port, parts.length)
  return bytes
}

function v4Parts(address: string): number[] | undefined {
  if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(address)) return undefined
  const parts = address.split('.').map(Number)
  return parts.every((part) => part <= 255) ? parts : undefined
}

function v6Parts(address: string): number[] | undefined {
  const [left, right, more] = address.split('::')
  if (more !== undefined) return undefined
  const front = groupsOf(left)
  const back = right === undefined ? [] : groupsOf(right)
  if (front === undefined || back === undefined) return undefined
  const missing = v6Groups - front.length - back.length
  if (right === undefined ? missing !== 0 : missing < 1) return undefined
  return [...front, ...new Array<number>(missing).fill(0), ...back].flatMap((group) => [group >> 8, group & 0xff])
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  const last = v4Parts(groups.at(-1) ?? '')
  if (last !== undefined) {
    groups.pop()
    groups.push((last[0] * 256 + last[1]).toString(16), (last[2] * 256 + last[3]).toString(16))
  }
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => parseInt(group, 16))
    : undefined
}

/** `address:port` for people; an IPv6 address in brackets, all eight groups of it. */
export function hostText(host: Buffer): string {
  const port = host.readInt32BE(host.length - portBytes)
  if (host.length === hostV4Bytes) return `${host.subarray(0, hostV4Bytes - portBytes).join('.')}:${port}`
  const groups: string[] = []
  for (let i = 0; i < hostV6Bytes - portBytes; i += 2) groups.push(host.readUInt16BE(i).toString(16))
  return `[${groups.join(':')}]:${port}`
}

/** 32 hexadecimal digits where the host is IPv4, 56 where it is IPv6; upper case, as RocketMQ writes them. */
export function messageIdOf(storeHost: Buffer, position: number): string {
  const bytes = Buffer.allocUnsafe(storeHost.length + 8)
  bytes.set(storeHost)
  writeInt64(bytes, position, storeHost.length)
  return bytes.toString('hex').toUpperCase()
}

export interface MessageId {
  readonly storeHost: Buffer
  readonly position: number
}

/** Undefined where `text` is not such an id. */
export function parseMessageId(text: string): MessageId | undefined {
  if (!/^(?:[0-9a-f]{32}|[0-9a-f]{56})$/i.test(text)) return undefined
  const bytes = Buffer.from(text, 'hex')
  const position = readInt64(bytes, bytes.length - 8)
  if (position < 0 || position > Number.MAX_SAFE_INTEGER) return undefined
  return { storeHost: bytes.subarray(0, bytes.length - 8), position }
}
