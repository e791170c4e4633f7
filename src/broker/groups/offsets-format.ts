/**
 * The records of `__consumer_offsets`, byte for byte as Kafka writes them, so that either can open the other's log.
 *
 * Every key and value opens with a 16-bit version. Key 0 and 1 name a committed offset (group, topic, partition), key 2
 * a group's metadata; others belong to kinds of groups that are not kept here. A null value is a tombstone. Written are
 * key 1 with offset value 3 and key 2 with group value 3, the newest that Kafka itself writes; read are values 0 to 4,
 * of which 4 is flexible (varint lengths, tagged fields).
 *
 * Source: OffsetCommitKey/Value.json and GroupMetadataKey/Value.json in Kafka's
 * group-coordinator/src/main/resources/common/message.
 */

import { HoldfastError } from '../../core/errors.js'
import { FieldReader, FieldWriter } from './format-bytes.js'

const offsetKeyVersion = 1
const groupKeyVersion = 2
const offsetValueVersion = 3
const groupValueVersion = 3
const firstFlexibleVersion = 4
const newestReadVersion = 4

/** What a record is about; `unknown` for keys that another version or another kind of group wrote. */
export type OffsetsKey =
  | { readonly kind: 'offset'; readonly groupId: string; readonly topic: string; readonly partition: number }
  | { readonly kind: 'group'; readonly groupId: string }
  | { readonly kind: 'unknown'; readonly version: number }

export interface OffsetValue {
  readonly offset: number
  /** -1 where unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** Milliseconds since 1970. */
  readonly commitTimestamp: number
}

export interface StoredMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** The member's metadata for the protocol that was chosen. */
  readonly subscription: Buffer
  readonly assignment: Buffer
}

export interface StoredGroup {
  readonly protocolType: string
  readonly generationId: number
  readonly protocolName: string | null
  readonly leaderId: string | null
  /** When the group entered its state, in ms since 1970; -1 where the version does not say. */
  readonly stateTimestamp: number
  readonly members: readonly StoredMember[]
}

/** @throws INVALID_REQUEST where a name is too long to store. */
export function encodeOffsetKey(groupId: string, topic: string, partition: number): Buffer {
  return new FieldWriter().int16(offsetKeyVersion).string(groupId).string(topic).int32(partition).toBuffer()
}

/** @throws INVALID_REQUEST where the group id is too long to store. */
export function encodeGroupKey(groupId: string): Buffer {
  return new FieldWriter().int16(groupKeyVersion).string(groupId).toBuffer()
}

/** @throws INVALID_RECORD for bytes that end too early. */
export function decodeKey(bytes: Buffer): OffsetsKey {
  const reader = new FieldReader(bytes)
  const version = reader.int16()
  if (version === 0 || version === offsetKeyVersion) {
    return { kind: 'offset', groupId: reader.string(), topic: reader.string(), partition: reader.int32() }
  }
  if (version === groupKeyVersion) return { kind: 'group', groupId: reader.string() }
  return { kind: 'unknown', version }
}

export function encodeOffsetValue(value: OffsetValue): Buffer {
  return new FieldWriter()
    .int16(offsetValueVersion)
    .int64(value.offset)
    .int32(value.leaderEpoch)
    .string(value.metadata)
    .int64(value.commitTimestamp)
    .toBuffer()
}

/** @throws INVALID_RECORD for an unknown version or bytes that end too early. */
export function decodeOffsetValue(bytes: Buffer): OffsetValue {
  const { reader, version } = openValue(bytes, 'offset')
  const offset = reader.int64()
  const leaderEpoch = version >= 3 ? reader.int32() : -1
  const metadata = reader.string()
  const commitTimestamp = reader.int64()
  // Version 1 goes on with a time of expiry, which nothing here acts on.
  return { offset, leaderEpoch, metadata, commitTimestamp }
}

/** @throws INVALID_REQUEST where a text is too long to store. */
export function encodeGroupValue(group: StoredGroup): Buffer {
  const writer = new FieldWriter()
    .int16(groupValueVersion)
    .string(group.protocolType)
    .int32(group.generationId)
    .nullableString(group.protocolName)
    .nullableString(group.leaderId)
    .int64(group.stateTimestamp)
    .int32(group.members.length)
  for (const member of group.members) {
    writer
      .string(member.memberId)
      .nullableString(member.groupInstanceId)
      .string(member.clientId)
      .string(member.clientHost)
      .int32(member.rebalanceTimeoutMs)
      .int32(member.sessionTimeoutMs)
      .bytes(member.subscription)
      .bytes(member.assignment)
  }
  return writer.toBuffer()
}

/** @throws INVALID_RECORD for an unknown version or bytes that end too early. */
export function decodeGroupValue(bytes: Buffer): StoredGroup {
  const { reader, version } = openValue(bytes, 'group')
  return {
    protocolType: reader.string(),
    generationId: reader.int32(),
    protocolName: reader.nullableString(),
    leaderId: reader.nullableString(),
    stateTimestamp: version >= 2 ? reader.int64() : -1,
    members: reader.array(() => decodeMember(reader, version)),
  }
}

function decodeMember(reader: FieldReader, version: number): StoredMember {
  const memberId = reader.string()
  const groupInstanceId = version >= 3 ? reader.nullableString() : null
  const clientId = reader.string()
  const clientHost = reader.string()
  const storedRebalanceTimeoutMs = version >= 1 ? reader.int32() : -1
  const sessionTimeoutMs = reader.int32()
  const subscription = reader.bytes()
  const assignment = reader.bytes()
  reader.endOfStruct()
  return {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    // Before there was a rebalance timeout of its own, the session timeout was both.
    rebalanceTimeoutMs: storedRebalanceTimeoutMs >= 0 ? storedRebalanceTimeoutMs : sessionTimeoutMs,
    sessionTimeoutMs,
    subscription,
    assignment,
  }
}

function openValue(bytes: Buffer, what: string): { reader: FieldReader; version: number } {
  const reader = new FieldReader(bytes)
  const version = reader.int16()
  if (version < 0 || version > newestReadVersion) {
    throw new HoldfastError(
      'INVALID_RECORD',
      `__consumer_offsets holds a record of an ${what} in version ${version}; versions 0 to ${newestReadVersion} can be read.`,
    )
  }
  reader.flexible = version >= firstFlexibleVersion
  return { reader, version }
}
