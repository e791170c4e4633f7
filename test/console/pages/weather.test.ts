/** The console in bad weather: a broker under load, stopped, recovering, with a full disk, with ten thousand topics. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { Browser, Page } from 'playwright-core'
import type { Page as PageOf, StorageOverview, TopicRow } from '../../../src/console/api-types.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { launchChromium, openPage, withoutChromium } from '../../support/browser.js'
import { type ServedConsole, serveConsole } from '../../support/served-console.js'
import { mountSmallDisk, type SmallDisk, withoutTmpfs } from '../../support/tmpfs.js'

describe('the console in bad weather', { skip: withoutChromium() }, () => {
  let browser: Browser

  before(async () => {
    browser = await launchChromium()
  })

  // Also those of a test that failed; what is ended already stays so.
  const brokers: ServedConsole[] = []
  const disks: SmallDisk[] = []
  const directories: TemporaryDirectory[] = []

  after(async () => {
    await browser?.close()
    for (const each of brokers) await each.broker.end('SIGKILL')
    for (const each of [...disks, ...directories]) await each.remove()
  })

  async function serveIn(dataDir: string, options?: Parameters<typeof serveConsole>[1]): Promise<ServedConsole> {
    const served = await serveConsole(dataDir, options)
    brokers.push(served)
    return served
  }

  async function makeDirectory(): Promise<string> {
    const directory = await makeTemporaryDirectory('holdfast-pages-')
    directories.push(directory)
    return directory.path
  }

  async function onPage(served: ServedConsole, address: string, work: (page: Page) => Promise<void>): Promise<void> {
    const { page, complaints } = await openPage(browser, `${served.url}${address}`)
    await work(page)
    assert.deepEqual(complaints, [])
    await page.context().close()
  }

  const live = (page: Page, text: string) => page.getByRole('status').filter({ hasText: new RegExp(`^${text}$`) })

  test('under load: figures move, the tail keeps up or counts what it left out', async () => {
    const directory = await makeDirectory()
    const served = await serveIn(directory)
    await served.post('api/topics', { name: 'busy', partitions: 2 })
    const producer = new Kafka({ brokers: [served.broker.address], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    let isOver = false
    const value = 'x'.repeat(200)
    const load = (async () => {
      while (!isOver) await producer.send({ topic: 'busy', messages: Array.from({ length: 500 }, () => ({ value })) })
    })()
    await onPage(served, '#/topics/busy/messages?live=1', async (page) => {
      // Of so many the tail takes some eighty a second, and fewer on a busy machine.
      await page.getByText(/[1-9],\d\d\d received/).waitFor({ timeout: 60_000 })
      await page.getByRole('button', { name: 'Pause' }).click()
      const first = await page.locator('.message-opener').first().innerText()
      await page.getByText(/not shown/).waitFor()
      assert.equal(await page.locator('.message-opener').first().innerText(), first, 'a pause holds what is read')
      await page.goto(`${served.url}#/`)
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await live(page, 'Live').waitFor()
    })
    isOver = true
    await load
    await producer.disconnect()
    await served.broker.end('SIGTERM')
  })

  test('a broker that stops is missed, and found again when it has recovered', async () => {
    const directory = await makeDirectory()
    const first = await serveIn(directory)
    await first.post('api/topics', { name: 'kept' })
    await first.post('api/topics/kept/messages', { value: 'before the kill' })
    const { host } = new URL(first.url)
    await onPage(first, '#/topics/kept/messages', async (page) => {
      await page.getByRole('button', { name: '0:0', exact: true }).waitFor()
      await live(page, 'Live').waitFor()
      await first.broker.end('SIGKILL')
      await live(page, 'Reconnecting').waitFor()
      await page.keyboard.press('r')
      await page.getByText('The broker does not answer.').waitFor()
      // What was read stays readable.
      await page.getByRole('button', { name: '0:0', exact: true }).click()
      await page.locator('.message-detail').getByText('before the kill').waitFor()

      const second = await serveIn(directory, { http: host })
      await live(page, 'Live').waitFor()
      await second.post('api/topics/kept/messages', { value: 'after it' })
      await page.getByRole('button', { name: 'Try again' }).click()
      await page.getByRole('button', { name: '0:1', exact: true }).waitFor()
      assert.equal(await page.getByText('The broker does not answer.').count(), 0)
      await second.broker.end('SIGTERM')
    })
  })

  test('a full disk is said where one sends, and sending works again when there is room', {
    skip: withoutTmpfs(),
  }, async () => {
    const disk = await mountSmallDisk('48m')
    disks.push(disk)
    const served = await serveIn(join(disk.path, 'data'))
    await served.post('api/topics', { name: 'full' })
    // Nothing that a producer could compress.
    const value = randomBytes(400_000).toString('base64')
    await assert.rejects(async () => {
      for (let n = 0; n < 200; n++) await served.post('api/topics/full/messages', { value })
    })
    await onPage(served, '#/topics/full/messages?limit=20', async (page) => {
      await page.getByRole('button', { name: 'Send a message…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Value', { exact: true }).fill(value)
      await dialog.getByRole('button', { name: 'Send' }).click()
      await dialog.getByRole('alert').waitFor()
      assert.match(await dialog.getByRole('alert').innerText(), /DISK_WATERMARK|DISK_FULL/)
      disk.remount('remount,size=96m')
      await assert.doesNotReject(async () => {
        const send = dialog.getByRole('button', { name: 'Send' })
        for (let attempts = 0; (await dialog.count()) > 0 && attempts < 40; attempts++) {
          await send.click({ timeout: 1000 }).catch(() => {})
          await page.waitForTimeout(250)
        }
        await page.getByText(/Sent to partition 0/).waitFor()
      })
    })
    await served.broker.end('SIGTERM')
  })

  test('ten thousand topics and logs, without a freeze', async () => {
    const served = await serveIn(await makeDirectory())
    const { page, complaints } = await openPage(browser, `${served.url}#/`)
    await answerForManyTopics(page, 10_000)
    await page.evaluate(`
      window.longTasks = []
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longTasks.push(duration)
      }).observe({ entryTypes: ['longtask'] })`)
    await page.getByRole('link', { name: 'Topics', exact: true }).first().click()
    await page.getByText('of 10,000 topics').waitFor()
    await page.getByLabel('Find a topic').fill('topic-07777')
    await page.getByRole('link', { name: 'topic-00000' }).waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'topic-07777' }).waitFor()
    await page.getByLabel('Find a topic').fill('')
    await page.getByRole('button', { name: 'Last page' }).click()
    await page.getByRole('link', { name: 'topic-09999' }).waitFor()
    await page.getByRole('link', { name: 'Storage', exact: true }).click()
    await page.getByRole('link', { name: 'topic-00000-0' }).waitFor()
    const drawn = await page.getByRole('table', { name: 'Logs' }).locator('tbody tr').count()
    assert.ok(drawn < 500, `${drawn} rows are drawn`)
    await page.evaluate('scrollTo(0, document.body.scrollHeight)')
    await page.getByRole('link', { name: 'topic-09999-0' }).waitFor()
    const longest = Math.max(0, ...((await page.evaluate('window.longTasks')) as number[]))
    // On a busy machine everything takes long, but ten thousand rows drawn at once would take longer.
    assert.ok(longest < 2000, `the longest task took ${longest} ms`)
    assert.deepEqual(complaints, [])
    await page.context().close()
    await served.broker.end('SIGTERM')
  })
})

/** The lists of a broker with so many topics: making them, each durable, would take minutes. */
async function answerForManyTopics(page: Page, number: number): Promise<void> {
  const rows: readonly TopicRow[] = Array.from({ length: number }, (_, index) => ({
    name: `topic-${String(index).padStart(5, '0')}`,
    internal: false,
    layout: 'segments',
    partitions: 1,
    messages: index,
    sizeInBytes: index * 1000,
    cleanupPolicy: 'delete',
    failed: false,
  }))
  await page.route(/\/api\/topics\?/, (route) => {
    const query = new URL(route.request().url()).searchParams
    const found = rows.filter(({ name }) => name.includes(query.get('search') ?? ''))
    const offset = Number(query.get('offset') ?? 0)
    const json: PageOf<TopicRow> = { total: found.length, offset, rows: found.slice(offset, offset + 100) }
    return route.fulfill({ json })
  })
  await page.route(/\/api\/storage$/, async (route) => {
    const answer = (await (await route.fetch()).json()) as StorageOverview
    const logs = rows.map(({ name, sizeInBytes }) => ({
      layout: 'segments',
      topic: name,
      partition: 0,
      files: 1,
      sizeInBytes,
    }))
    return route.fulfill({ json: { ...answer, logs, totalLogs: number } })
  })
}
