/** `holdfast promote`: one node takes the lead over. */

import type { Command } from 'commander'
import { printJson } from './output.js'

interface Options {
  readonly data: string
  readonly unclean?: boolean
  readonly json?: boolean
}

export function promoteCommand(): (parent: Command) => void {
  return (parent) => {
    parent
      .command('promote')
      .description('let the node that serves a data directory lead: the present leader hands over, if there is one')
      .requiredOption('-d, --data <dir>', 'the data directory of the node that is to lead')
      .option('--unclean', 'although it may lack messages that were acknowledged, which are lost then')
      .option('--json', 'print JSON')
      .action(promote)
  }
}

async function promote({ data, unclean = false, json }: Options): Promise<void> {
  const { askPromotion } = await import('./control-socket.js')
  const { nodeId, epoch } = await askPromotion(data, unclean)
  if (json) return printJson({ nodeId, epoch })
  process.stdout.write(`Node ${nodeId} leads, in epoch ${epoch}.\n`)
}
