/** Consumer groups: listed, shown with their lag, moved elsewhere and deleted. */

import { GroupsClient } from '../client/groups.js'
import { type OffsetReset, type ResetTarget, resetOffsets } from '../client/resetting-offsets.js'
import { mapParallel } from '../core/parallel.js'
import type { GroupDetail, GroupRow, Page } from './api-types.js'
import { type Fields, fieldsOf, flagField, numberField, onlyFields, textField } from './bodies.js'
import type { ConsoleApp, ConsoleTools } from './context.js'
import { namesOfPage, pageIn, partOf } from './parameters.js'
import { ConsoleError, invalid } from './refusals.js'

const parallelLooks = 8
const mostMembers = 1000
const mostOffsets = 10_000

export function addGroups(app: ConsoleApp, tools: ConsoleTools): void {
  const { broker, limits } = tools
  const groups = new GroupsClient(broker)
  app.get('/api/groups', async (c) => {
    const page = await limits.run(async (): Promise<Page<GroupRow>> => {
      const listed = await broker.listGroups()
      const { total, offset, names } = namesOfPage(
        listed.map(({ groupId }) => groupId),
        pageIn(c),
      )
      return { total, offset, rows: await mapParallel(names, parallelLooks, (name) => rowOf(groups, name)) }
    })
    return c.json(page)
  })
  app.get('/api/groups/:group', async (c) =>
    c.json(await limits.run(() => detailOf(tools, groups, partOf(c, 'group')))),
  )
  app.post('/api/groups/:group/reset', async (c) => {
    const reset = resetOf(await fieldsOf(c))
    return c.json(await limits.run(() => resetOffsets(broker, partOf(c, 'group'), reset)))
  })
  app.delete('/api/groups/:group', async (c) => {
    await broker.deleteGroup(partOf(c, 'group'))
    return c.body(null, 204)
  })
}

async function rowOf(groups: GroupsClient, id: string): Promise<GroupRow> {
  const [{ state, members }, offsets] = await Promise.all([groups.describe(id), groups.offsets(id)])
  return {
    id,
    state,
    members: members.length,
    topics: [...new Set(offsets.map(({ topic }) => topic))],
    lag: offsets.reduce((sum, { lag = 0 }) => sum + lag, 0),
  }
}

async function detailOf(tools: ConsoleTools, groups: GroupsClient, id: string): Promise<GroupDetail> {
  const [details, offsets] = await Promise.all([groups.describe(id), groups.offsets(id)])
  if (details.state === 'Dead' && offsets.length === 0) {
    throw new ConsoleError('NOT_FOUND', `There is no group ${JSON.stringify(id)}.`)
  }
  return {
    id,
    state: details.state,
    members: details.members.length,
    topics: [...new Set(offsets.map(({ topic }) => topic))],
    lag: offsets.reduce((sum, { lag = 0 }) => sum + lag, 0),
    protocol: details.assignor,
    memberRows: details.members.slice(0, mostMembers).map(({ memberId, clientId, clientHost, partitions }) => ({
      id: memberId,
      clientId,
      host: clientHost,
      partitions: partitions.slice(0, mostOffsets),
    })),
    offsets: offsets.slice(0, mostOffsets).map(({ topic, partition, offset, lag = 0 }) => ({
      topic,
      partition,
      committed: offset,
      highWatermark: tools.broker.stored.log(topic, partition)?.highWatermark ?? -1,
      lag,
    })),
    lagOverTime: tools.monitor.lagOverTime(id),
  }
}

/** @throws INVALID_ARGUMENT */
function resetOf(fields: Fields): OffsetReset {
  onlyFields(fields, ['topic', 'partition', 'to', 'preview'])
  const topic = textField(fields, 'topic')
  if (topic === undefined) throw invalid('Say which topic.')
  const preview = fields['preview'] === undefined ? true : flagField(fields, 'preview')
  return { topic, partition: numberField(fields, 'partition'), to: targetOf(fields['to']), preview }
}

function targetOf(to: unknown): ResetTarget {
  if (to === 'earliest' || to === 'latest') return to
  if (typeof to === 'object' && to !== null) {
    const { offset, time } = { offset: numberField(to as Fields, 'offset'), time: numberField(to as Fields, 'time') }
    if (offset !== undefined && time === undefined) return { offset }
    if (time !== undefined && offset === undefined) return { time }
  }
  throw invalid('to must be "earliest", "latest", { offset } or { time }.')
}
