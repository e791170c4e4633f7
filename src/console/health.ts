/** For those who watch from outside: whether the process answers, whether it takes messages, and its metrics. */

import { isInternalTopic } from '../storage/internal-topics.js'
import type { StoredLogs } from '../storage/stored-logs.js'
import type { ConsoleApp, ConsoleTools } from './context.js'

export function addHealth(app: ConsoleApp, { broker, metrics, limits }: ConsoleTools): void {
  app.get('/health', (c) => c.json({ status: 'ok' }))
  // Says no word of what is wrong: it may be asked without a token.
  app.get('/health/ready', (c) => {
    return takesMessages(broker.stored) ? c.json({ status: 'ready' }) : c.json({ status: 'not ready' }, 503)
  })
  app.get('/metrics', async (c) => {
    const text = await limits.run(() => metrics.text())
    return c.body(text, 200, { 'content-type': await metrics.contentType() })
  })
}

/** Whether any log does, or there is none yet. The broker's own topics take nobody's messages. */
function takesMessages(stored: StoredLogs): boolean {
  let isEmpty = true
  for (const { topic, log } of stored.partitions()) {
    if (isInternalTopic(topic)) continue
    if (log?.failure === undefined) return true
    isEmpty = false
  }
  return isEmpty
}
