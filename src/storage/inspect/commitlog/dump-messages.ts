/** The messages of a file of the commit log as rows. */

import { resolveSettings } from '../../../core/settings.js'
import type { Disk, DiskFile } from '../../../files/disk.js'
import { ownPropertyOf } from '../../commitlog/dispatching.js'
import { magic, property } from '../../commitlog/format.js'
import { messageIdOf } from '../../commitlog/host.js'
import type { MessageView } from '../../commitlog/message.js'
import { bodyOf, prepareBodies } from '../../commitlog/message-body.js'
import { nothingOwn, type OwnProperty } from '../../commitlog/own-property.js'
import { propertiesOf, propertyOf } from '../../commitlog/properties.js'
import { endOfContent } from '../../segments/end-of-content.js'
import type { DumpOptions, DumpRow, DumpValue } from '../dump.js'
import { findNextMessage } from './find-message.js'
import { MessageWalk } from './message-walk.js'
import { startOfLogFile } from './names.js'

export async function* dumpMessages(disk: Disk, path: string, options: DumpOptions): AsyncGenerator<DumpRow> {
  const file = await disk.open(path, { mode: 'read' })
  const end = await file.size()
  const base = startOfLogFile(path)
  const walk = new MessageWalk(file, base, end)
  try {
    while (walk.position < end) {
      const { position } = walk
      const found = walk.here() ?? (await walk.next())
      if (found.kind === 'message') {
        if (isWanted(found, options)) yield await messageRow(found, options)
        continue
      }
      if (found.kind === 'blank') {
        yield { type: 'blank', position: base + position, bytes: found.sizeInBytes }
        return
      }
      const why = found.kind === 'end' ? 'no message is here, though bytes follow' : `what is there ${found.reason}`
      const next = await resume(file, base, position, end)
      if (next === undefined) {
        yield { type: 'zeros', position: base + position, bytes: end - position }
        return
      }
      yield { type: 'stop', path, position: base + position, why, ...(next < end && { goesOnAt: base + next }) }
      walk.skipTo(next)
    }
  } finally {
    await walk.settle()
    await file.close()
  }
}

/** Where the next sound message begins, or the end of the file; undefined where nothing but zeros follows. */
async function resume(file: DiskFile, base: number, position: number, end: number): Promise<number | undefined> {
  const content = await endOfContent(file, position, end)
  if (content === position) return undefined
  return (await findNextMessage(file, base, position + 1, content)) ?? end
}

function isWanted({ topic, queueOffset }: MessageView, options: DumpOptions): boolean {
  const { from = 0, to = Number.POSITIVE_INFINITY } = options
  return queueOffset >= from && queueOffset <= to && (options.topic === undefined || options.topic === topic)
}

async function messageRow(view: MessageView, { records = false, settings }: DumpOptions): Promise<DumpRow> {
  const { position, transactionType, reconsumeTimes, flag, isOwn, preparedTransactionOffset } = view
  return {
    type: 'message',
    position,
    bytes: view.sizeInBytes,
    topic: view.topic,
    queue: view.queueId,
    queueOffset: view.queueOffset,
    id: messageIdOf(view.storeHostBytes, position),
    storeTimestamp: view.storeTimestamp,
    bornTimestamp: view.bornTimestamp,
    storeHost: view.storeHost,
    bornHost: view.bornHost,
    ...named(view, { tags: property.tags, keys: property.keys, uniqueKey: property.uniqueKey }),
    bodyBytes: view.bodyLength,
    bodyCrc: hex(view.bodyCrc),
    magic: view.magic === magic.messageV1 ? 'V1' : 'V2',
    sysFlag: hex(view.sysFlag),
    ...(transactionType !== 'none' && { transaction: transactionType }),
    ...(flag !== 0 && { flag }),
    ...(reconsumeTimes !== 0 && { reconsumeTimes }),
    ...(isOwn ? { ours: true } : preparedTransactionOffset !== 0 && { preparedTransactionOffset }),
    ...ownFields(ownPropertyOf(view)),
    ...(records && (await contentOf(view, (settings ?? resolveSettings())['socket.request.max.bytes']))),
  }
}

function named(view: MessageView, names: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [field, name] of Object.entries(names)) {
    const value = propertyOf(view, name)
    if (value !== undefined) found[field] = value
  }
  return found
}

/** What the message says of the batch that it came in. */
function ownFields(own: OwnProperty): Record<string, DumpValue> {
  const fields: Record<string, DumpValue> = {}
  for (const name of ['producerId', 'producerEpoch', 'baseSequence', 'logAppendTime', 'maxTimestamp'] as const) {
    const value = own[name]
    if (value !== undefined && value !== nothingOwn[name]) fields[name] = value
  }
  if (own.recordsCount > 1) fields['inBatch'] = `${own.index + 1}/${own.recordsCount}`
  if (own.isTransactional) fields['transactional'] = true
  if (own.marker !== undefined) fields['marker'] = { ...own.marker }
  if (own.hasNullValue) fields['nullValue'] = true
  return fields
}

/** Properties and body, unpacked where its sender has packed it. The bytes are copied: the walk uses its memory again. */
async function contentOf(view: MessageView, maxBytes: number): Promise<Record<string, DumpValue>> {
  const properties = propertiesOf(view).map(({ name, value }): DumpValue => ({ name, value }))
  try {
    await prepareBodies([view])
    return { properties, body: Buffer.from(bodyOf(view, maxBytes)) }
  } catch (error) {
    return { properties, body: Buffer.from(view.storedBody), stillPacked: (error as Error).message }
  }
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`
}
