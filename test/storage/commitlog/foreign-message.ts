/** Messages as RocketMQ writes them, for tests: built field by field, without a line of the code that is tested. */

import { crc32 } from 'node:zlib'

export interface ForeignMessage {
  readonly topic: string
  readonly body: Buffer
  readonly properties: string
  readonly queueId: number
  readonly queueOffset: number
  readonly position: number
  /** Without the bits of the hosts, which follow from them. */
  readonly sysFlag: number
  readonly bornTimestamp: number
  readonly storeTimestamp: number
  readonly bornHost: Buffer
  readonly storeHost: Buffer
  readonly reconsumeTimes: number
  readonly hasCrc: boolean
}

const localhost = Buffer.from('7f00000100002a9f', 'hex')

export function foreignMessage(fields: Partial<ForeignMessage> = {}): Buffer {
  const {
    topic = 'TopicA',
    body = Buffer.from('body'),
    properties = '',
    bornHost = localhost,
    storeHost = localhost,
    hasCrc = false,
  } = fields
  const topicBytes = Buffer.from(topic)
  const isV2 = topic.length > 127
  const propertiesBytes = Buffer.from(properties + (hasCrc ? '?'.repeat(20) : ''))
  const flags = (fields.sysFlag ?? 0) | (bornHost.length === 20 ? 0x10 : 0) | (storeHost.length === 20 ? 0x20 : 0)
  const bytes = Buffer.concat([
    i32(0),
    i32(isV2 ? 0xdaa320ab : 0xdaa320a7),
    i32(body.length === 0 ? 0 : crc32(body) & 0x7fffffff),
    i32(fields.queueId ?? 0),
    i32(0),
    i64(fields.queueOffset ?? 0),
    i64(fields.position ?? 0),
    i32(flags),
    i64(fields.bornTimestamp ?? 1_700_000_000_000),
    bornHost,
    i64(fields.storeTimestamp ?? 1_700_000_000_000),
    storeHost,
    i32(fields.reconsumeTimes ?? 0),
    i64(0),
    i32(body.length),
    body,
    isV2 ? Buffer.from([topicBytes.length >> 8, topicBytes.length & 0xff]) : Buffer.from([topicBytes.length]),
    topicBytes,
    Buffer.from([propertiesBytes.length >> 8, propertiesBytes.length & 0xff]),
    propertiesBytes,
  ])
  bytes.writeInt32BE(bytes.length, 0)
  if (hasCrc) bytes.write(crcProperty(bytes.subarray(0, -20)), bytes.length - 20, 'latin1')
  return bytes
}

function crcProperty(before: Buffer): string {
  const digits = String(crc32(before) & 0x7fffffff).padStart(10, '0')
  return `__CRC32#\x01${[...digits].reverse().join('')}\x02`
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

function i64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}
