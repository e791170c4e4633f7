/** The endpoint for the trail of one message. */

import type { ConsoleApp, ConsoleTools } from './context.js'
import { numberIn, textIn } from './parameters.js'
import { invalid } from './refusals.js'
import { traceMessage } from './tracing.js'

export function addTrace(app: ConsoleApp, { broker, limits, flushes }: ConsoleTools): void {
  app.get('/api/trace', async (c) => {
    const topic = textIn(c, 'topic')
    if (topic === undefined) throw invalid('Say in which topic.')
    const [partition, offset] = [numberIn(c, 'partition'), numberIn(c, 'offset')]
    const target = { topic, partition, offset, key: textIn(c, 'key'), id: textIn(c, 'id') }
    return c.json(await limits.run(() => traceMessage(broker, target, flushes)))
  })
}
