/** For those who watch from outside: whether the process answers, whether it takes messages, and its metrics. */

import type { ConsoleApp, ConsoleTools } from './context.js'

export function addHealth(app: ConsoleApp, { broker, metrics, limits }: ConsoleTools): void {
  app.get('/health', (c) => c.json({ status: 'ok' }))
  // Says no word of what is wrong: it may be asked without a token.
  app.get('/health/ready', (c) => {
    const logs = broker.stored.topics.map(({ name }) => broker.stored.log(name, 0))
    const takesAny = logs.length === 0 || logs.some((log) => log?.failure === undefined)
    return takesAny ? c.json({ status: 'ready' }) : c.json({ status: 'not ready' }, 503)
  })
  app.get('/metrics', async (c) => {
    const text = await limits.run(() => metrics.text())
    return c.body(text, 200, { 'content-type': await metrics.contentType() })
  })
}
