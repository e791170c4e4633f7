/** `holdfast groups list | describe | reset | delete` */

import type { Command } from 'commander'
import type { BrokerService } from '../broker/contract.js'
import { type FollowOptions, following, withFollow } from './following.js'
import { type FormatOptions, printRows, printTable, withFormat } from './formats.js'
import { resetCommand } from './groups-reset.js'
import { printJson } from './output.js'
import { onTarget, type TargetOptions, withTarget } from './target.js'
import { painted } from './terminal.js'

interface Options extends TargetOptions {
  readonly json?: boolean
}

export function groupCommands(): (parent: Command) => void {
  return (parent) => {
    const groups = parent.command('groups').description('list, describe, reset and delete consumer groups')
    withFollow(withFormat(withTarget(groups.command('list')).description('groups and their states'))).action(list)
    withFollow(
      withTarget(groups.command('describe <group>'))
        .description('members, committed offsets and lag')
        .option('--json', 'print JSON'),
    ).action(describe)
    resetCommand(groups)
    withTarget(groups.command('delete <group...>'))
      .description('delete groups without members, and their offsets')
      .option('--json', 'print JSON')
      .action(remove)
  }
}

async function list(options: TargetOptions & FormatOptions & FollowOptions): Promise<void> {
  await onTarget(options, (service) =>
    following(options, async () =>
      printRows(
        await service.listGroups(),
        [
          { head: 'GROUP', of: ({ groupId }) => groupId },
          { head: 'STATE', of: ({ state }) => state },
          { head: 'PROTOCOL TYPE', of: ({ protocolType }) => protocolType },
        ],
        options,
      ),
    ),
  )
}

async function remove(groups: readonly string[], options: Options): Promise<void> {
  await onTarget(options, async (service) => {
    for (const group of groups) {
      await service.deleteGroup(group)
      if (options.json) printJson({ groupId: group, deleted: true })
      else process.stdout.write(`Deleted group ${group}.\n`)
    }
  })
}

async function describe(groupId: string, options: Options & FollowOptions): Promise<void> {
  await onTarget(options, (service) => following(options, () => describeOnce(service, groupId, options)))
}

async function describeOnce(service: BrokerService, groupId: string, options: Options): Promise<void> {
  const group = await service.describeGroup(groupId)
  const offsets = await committedWithLag(service, groupId)
  const members = group.members.map(({ memberId, groupInstanceId, clientId, clientHost }) => ({
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
  }))
  const { state, protocolType, protocolName } = group
  if (options.json) {
    printJson({ groupId, state, protocolType, protocolName, members, offsets })
    return
  }
  const shownState = state === 'Stable' || state === 'Empty' ? state : painted('careful', state)
  process.stdout.write(`${groupId}  ${shownState}${protocolName ? `  ${protocolName}` : ''}\n\n`)
  printTable(
    ['MEMBER', 'CLIENT', 'HOST'],
    members.map((member) => [member.memberId, member.clientId, member.clientHost]),
  )
  process.stdout.write('\n')
  printTable(
    ['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG'],
    offsets.map((row) => [row.topic, row.partition, row.committed, row.end, row.lag]),
  )
}

async function committedWithLag(service: BrokerService, groupId: string) {
  const committed = await service.fetchOffsets(groupId, null)
  const lookups = committed.map(({ topic, partition }) => ({
    topic,
    partition,
    query: 'latest' as const,
    currentLeaderEpoch: -1,
  }))
  const ends = await service.findOffsets(lookups)
  return committed
    .map(({ topic, partition, offset, metadata }, i) => {
      const end = ends[i].offset
      return { topic, partition, committed: offset, end, lag: Math.max(0, end - offset), metadata }
    })
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}
