/** The process of one contender: does what the harness asks, one request at a time. */

import type { Reply, Request } from './child.js'
import type { Contender, Start } from './contender.js'

let contender: Contender | undefined

async function answer(request: Request): Promise<Reply> {
  if (request.do === 'start') {
    const module = (await import(`../contenders/${request.kind}.ts`)) as { start: Start }
    contender = await module.start(request.options)
    return { info: contender.info }
  }
  if (contender === undefined) throw new Error('nothing was started')
  if (request.do === 'block') return { result: await contender.block(request.ms) }
  if (request.do === 'prepare') await contender.prepare?.()
  else await contender.close()
  return {}
}

process.on('message', (request: Request) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: Error) => process.send?.({ error: error.message } satisfies Reply),
  )
})
// The harness is gone, or done: nothing that is still open holds the process.
process.on('disconnect', () => process.exit(0))
// By an exit in order, so that a server which it started (Redis) is ended with it.
process.on('SIGTERM', () => process.exit(143))
