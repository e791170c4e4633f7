/** A real Prometheus scrapes a broker that is written to, with the alert rules that are made for it. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { freePorts } from '../support/free-ports.js'
import { repository } from '../support/served-broker.js'
import { serveConsole } from '../support/served-console.js'
import { withoutPrometheus } from '../support/tools.js'
import { until } from '../support/until.js'

interface Answer {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] }
}

const scraped = (target: string, rules: string) => `
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${rules}']
scrape_configs:
  - job_name: holdfast
    static_configs: [{ targets: ['${target}'] }]
`

test('Prometheus scrapes what is counted', { skip: withoutPrometheus() }, async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-scraped-')
  t.after(() => directory.remove())
  const console = await serveConsole(join(directory.path, 'data'))
  t.after(() => console.broker.end('SIGTERM'))
  await console.post('api/topics', { name: 'orders' })
  for (let i = 0; i < 10; i++) await console.post('api/topics/orders/messages', { value: `order ${i}` })

  const config = join(directory.path, 'prometheus.yml')
  writeFileSync(config, scraped(new URL(console.url).host, join(repository, 'docs/monitoring/holdfast-alerts.yml')))
  const [port] = await freePorts(1)
  const address = `127.0.0.1:${port}`
  const store = join(directory.path, 'prometheus')
  const args = [`--config.file=${config}`, `--storage.tsdb.path=${store}`, `--web.listen-address=${address}`]
  const prometheus = spawn('prometheus', args, { stdio: 'ignore' })
  const ended = once(prometheus, 'exit')
  t.after(async () => {
    prometheus.kill('SIGTERM')
    await ended
  })
  const ask = async (query: string): Promise<number | undefined> => {
    const url = `http://${address}/api/v1/query?query=${encodeURIComponent(query)}`
    // Not there yet, or not ready yet.
    const response = await fetch(url).catch(() => undefined)
    if (!response?.ok) return undefined
    const answer = (await response.json()) as Answer
    const value = answer.data.result[0]?.value[1]
    return value === undefined ? undefined : Number(value)
  }
  await until('Prometheus has scraped the broker', async () => (await ask('up{job="holdfast"}')) === 1)
  await until('it knows of the flushes', async () => Number(await ask('sum(mq_flush_total)')) >= 10)
  assert.equal(await ask('count(ALERTS{severity="critical"})'), undefined)
})
