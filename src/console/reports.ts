/** What the last start found and did, what a verification found, and the settings with where they come from. */

import { describeSettings, originOf, originText, type SettingName } from '../core/settings.js'
import type { Reports, SettingRow } from './api-types.js'
import type { ConsoleApp, ConsoleTools } from './context.js'

const mostLogs = 1000

export function addReports(app: ConsoleApp, { broker, verification }: ConsoleTools): void {
  const reports = (): Reports => {
    const { logs, ...recovery } = broker.recovery
    return {
      recovery: { ...recovery, logs: logs.slice(0, mostLogs), totalLogs: logs.length },
      verification: verification.report,
    }
  }
  app.get('/api/reports', (c) => c.json(reports()))
  app.post('/api/verify', (c) => {
    verification.begin()
    return c.json(reports(), 202)
  })
  app.get('/api/settings', (c) => {
    const { settings } = broker
    const rows = describeSettings().map(
      ({ name, default: usual, type, unit, help, topicName, fixed }): SettingRow => ({
        name,
        value: String(settings[name as SettingName]),
        default: usual,
        origin: originText(originOf(settings, name as SettingName)),
        type,
        unit,
        help,
        topicName,
        atRunTime: topicName !== undefined && fixed !== true,
      }),
    )
    return c.json(rows)
  })
}
