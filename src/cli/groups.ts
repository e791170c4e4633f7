/** `holdfast groups list | describe | delete` */

import type { Command } from 'commander'
import type { BrokerService } from '../broker/contract.js'
import { printJson, printTable } from './output.js'
import { onTarget, type TargetOptions, withTarget } from './target.js'

interface Options extends TargetOptions {
  readonly json?: boolean
}

export function groupCommands(): (parent: Command) => void {
  return (parent) => {
    const groups = parent.command('groups').description('list, describe and delete consumer groups')
    withTarget(groups.command('list'))
      .description('groups and their states')
      .option('--json', 'print JSON')
      .action(list)
    withTarget(groups.command('describe <group>'))
      .description('members, committed offsets and lag')
      .option('--json', 'print JSON')
      .action(describe)
    withTarget(groups.command('delete <group>'))
      .description('delete a group without members, and its offsets')
      .action(remove)
  }
}

async function list(options: Options): Promise<void> {
  const groups = await onTarget(options, (service) => service.listGroups())
  if (options.json) printJson(groups)
  else
    await printTable(
      ['GROUP', 'STATE', 'PROTOCOL TYPE'],
      groups.map((group) => [group.groupId, group.state, group.protocolType || '-']),
    )
}

async function remove(group: string, options: Options): Promise<void> {
  await onTarget(options, (service) => service.deleteGroup(group))
  process.stdout.write(`Deleted group ${group}.\n`)
}

async function describe(groupId: string, options: Options): Promise<void> {
  const { group, offsets } = await onTarget(options, async (service) => ({
    group: await service.describeGroup(groupId),
    offsets: await committedWithLag(service, groupId),
  }))
  const members = group.members.map(({ memberId, groupInstanceId, clientId, clientHost }) => ({
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
  }))
  if (options.json) {
    printJson({
      groupId,
      state: group.state,
      protocolType: group.protocolType,
      protocolName: group.protocolName,
      members,
      offsets,
    })
    return
  }
  process.stdout.write(`${groupId}  ${group.state}${group.protocolName ? `  ${group.protocolName}` : ''}\n\n`)
  await printTable(
    ['MEMBER', 'CLIENT', 'HOST'],
    members.map((member) => [member.memberId, member.clientId, member.clientHost]),
  )
  process.stdout.write('\n')
  await printTable(
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
