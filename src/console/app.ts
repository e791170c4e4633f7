/** All endpoints of the console in one application, behind the guard; what is thrown becomes an answer. */

import { Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import type { ConsoleApp, ConsoleEnvironment, ConsoleTools } from './context.js'
import { addGroups } from './groups.js'
import { type GuardOptions, guard } from './guard.js'
import { addHealth } from './health.js'
import { addMessages } from './messages.js'
import { addOverview } from './overview.js'
import { answerWithPage, type Pages } from './pages.js'
import { ConsoleError, refusalOf } from './refusals.js'
import { addReports } from './reports.js'
import { securityHeaders } from './security-headers.js'
import { addStorage } from './storage.js'
import { addTopics } from './topics.js'
import { addTrace } from './trace.js'

export function consoleApp(tools: ConsoleTools, pages: Pages, guarding: GuardOptions): ConsoleApp {
  const app = new Hono<ConsoleEnvironment>()
  app.use(async (c, next) => {
    for (const [name, value] of Object.entries(securityHeaders)) c.header(name, value)
    // What is told here holds for now; pages say for themselves how long they hold.
    c.header('cache-control', 'no-store')
    await next()
  })
  app.use(guard(guarding))
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const refusal = refusalOf(
          new ConsoleError('METHOD_NOT_ALLOWED', `${c.req.method} is not among ${methods.join(', ')}.`),
        )
        return c.json(refusal.body, refusal.status, { allow: methods.join(', ') })
      },
    }),
  )
  guarding.signIn.addTo(app)
  addHealth(app, tools)
  addOverview(app, tools)
  addTopics(app, tools)
  addMessages(app, tools)
  addGroups(app, tools)
  addStorage(app, tools)
  addReports(app, tools)
  addTrace(app, tools)
  app.notFound((c) => {
    const page = answerWithPage(c, pages)
    if (page !== undefined) return page
    const { body, status } = refusalOf(new ConsoleError('NOT_FOUND', 'There is nothing at this address.'))
    return c.json(body, status)
  })
  app.onError((error, c) => {
    const { body, status } = refusalOf(error)
    if (status === 500) tools.logger.error({ path: c.req.path, err: error }, 'A request to the console failed.')
    return c.json(body, status)
  })
  return app
}
