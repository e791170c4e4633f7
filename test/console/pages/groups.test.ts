/** Groups and the trail of a message, in a real browser: lag, members, resetting with a look before, deleting, following. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { Browser, Page } from 'playwright-core'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { launchChromium, openPage, withoutChromium } from '../../support/browser.js'
import { type ServedConsole, serveConsole } from '../../support/served-console.js'
import { until } from '../../support/until.js'

describe('groups and trails', { skip: withoutChromium() }, () => {
  let directory: TemporaryDirectory
  let served: ServedConsole
  let browser: Browser

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-pages-')
    served = await serveConsole(directory.path, {
      settings: { 'key.index.enable': 'true', 'group.initial.rebalance.delay.ms': 0 },
    })
    browser = await launchChromium()
    await served.post('api/topics', { name: 'orders', partitions: 2 })
    for (let n = 0; n < 20; n++) {
      await served.post('api/topics/orders/messages', {
        key: `o-${n}`,
        value: `order ${n}`,
        id: `id-${n}`,
        partition: n % 2,
      })
    }
  })

  after(async () => {
    await browser?.close()
    await served?.broker.end('SIGTERM')
    await directory?.remove()
  })

  async function onPage(address: string, work: (page: Page) => Promise<void>): Promise<void> {
    const { page, complaints } = await openPage(browser, `${served.url}${address}`)
    await work(page)
    assert.deepEqual(complaints, [])
    await page.context().close()
  }

  const client = () => new Kafka({ brokers: [served.broker.address], clientId: 'a-test', logLevel: logLevel.NOTHING })

  /** A group without members that has committed these offsets. */
  async function committed(group: string, offsets: readonly number[]): Promise<void> {
    for (const [partition, offset] of offsets.entries()) {
      await served.post(`api/groups/${group}/reset`, { topic: 'orders', partition, to: { offset }, preview: false })
    }
  }

  const row = (page: Page, table: string, text: string) =>
    page.getByRole('table', { name: table }).locator('tbody tr', { hasText: text })

  test('no groups is said in words', async () => {
    await onPage('#/groups', async (page) => {
      await page.getByText('No groups yet.').waitFor()
    })
  })

  test('groups with their lag, found by name, opened by a click', async () => {
    await committed('billing', [10, 4])
    await committed('mailing', [10, 10])
    await onPage('#/groups', async (page) => {
      assert.match(await row(page, 'Groups', 'billing').innerText(), /Empty.*orders.*6$/s)
      assert.match(await row(page, 'Groups', 'mailing').innerText(), /0$/)
      await page.keyboard.press('/')
      await page.keyboard.type('mail')
      await row(page, 'Groups', 'billing').waitFor({ state: 'detached' })
      await row(page, 'Groups', 'mailing').locator('td').nth(1).click()
      await page.getByRole('heading', { name: 'mailing' }).waitFor()
      await page.getByText('Nobody is in this group now.').waitFor()
    })
  })

  test('members and what each of them reads', async () => {
    const consumer = client().consumer({ groupId: 'readers' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    let seen = 0
    await consumer.run({
      eachMessage: async () => {
        seen++
      },
    })
    await until('all messages read', () => seen === 20)
    await onPage('#/groups/readers', async (page) => {
      await page.getByText('Stable').waitFor()
      assert.match(await row(page, 'Members', 'a-test').innerText(), /orders 0, 1/)
      await page.getByRole('button', { name: 'Delete…' }).click()
      await page.getByRole('dialog').getByText('Only a group without members can be deleted.').waitFor()
      await page.getByRole('button', { name: 'Delete the group' }).click()
      await page.getByRole('dialog').getByRole('alert').waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Reset offsets…' }).click()
      await page.getByRole('dialog').getByText('The group has 1 member.').waitFor()
    })
    await consumer.disconnect()
  })

  test('the lag over time is drawn', async () => {
    await committed('drawn', [1, 1])
    await onPage('#/groups/drawn', async (page) => {
      await page.getByRole('figure', { name: 'Lag over time' }).locator('canvas').waitFor()
      assert.match(await page.getByRole('figure', { name: 'Lag over time' }).innerText(), /Lag 18/)
    })
  })

  test('offsets are reset after a look at what would change, and not before', async () => {
    await committed('moved', [8, 6])
    const offsets = async () => {
      const detail = await served.get<{ offsets: { partition: number; committed: number }[] }>('api/groups/moved')
      return [...detail.offsets].sort((a, b) => a.partition - b.partition).map((each) => each.committed)
    }
    await onPage('#/groups/moved', async (page) => {
      await row(page, 'Offsets', '8').waitFor()
      await page.keyboard.press('e')
      const dialog = page.getByRole('dialog')
      const apply = dialog.getByRole('button', { name: 'Reset', exact: true })
      assert.ok(await apply.isDisabled())
      await dialog.getByRole('combobox').nth(1).selectOption('offset')
      await dialog.getByRole('textbox', { name: 'Offset' }).fill('3')
      await dialog.getByRole('button', { name: 'Preview' }).click()
      const preview = dialog.getByRole('table', { name: 'What would change' })
      await preview.getByText('reads 5 again').waitFor()
      await preview.getByText('reads 3 again').waitFor()
      assert.deepEqual(await offsets(), [8, 6], 'a preview changes nothing')
      // What is typed after the look wants another look.
      await dialog.getByLabel('Partition').fill('1')
      assert.ok(await apply.isDisabled())
      await dialog.getByRole('button', { name: 'Preview' }).click()
      await preview.getByText('reads 3 again').waitFor()
      await apply.click()
      await page.getByText('Moved 1 partition of orders').waitFor()
      assert.deepEqual(await offsets(), [8, 3])
      await row(page, 'Offsets', '3').waitFor()
    })
  })

  test('a group is deleted after a question', async () => {
    await committed('leaving', [1, 1])
    await onPage('#/groups/leaving', async (page) => {
      await page.getByRole('button', { name: 'Delete…' }).click()
      await page.getByRole('button', { name: 'Cancel' }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.getByRole('button', { name: 'Delete…' }).click()
      await page.getByRole('button', { name: 'Delete the group' }).click()
      await page.getByRole('heading', { name: 'Groups' }).waitFor()
      await row(page, 'Groups', 'billing').waitFor()
      assert.equal(await row(page, 'Groups', 'leaving').count(), 0)
    })
  })

  test('the trail of a message: to the byte, durable, visible, and who has read past it', async () => {
    await onPage('#/trail', async (page) => {
      await page.getByText('Which message?').waitFor()
      const form = page.getByRole('form', { name: 'Which message' })
      await form.getByLabel('Topic').fill('orders')
      await form.getByLabel('Partition').fill('1')
      await form.getByRole('textbox', { name: 'Offset' }).fill('5')
      await form.getByRole('button', { name: 'Follow' }).click()
      const steps = page.getByRole('list', { name: 'What became of the message' })
      await steps.getByText('Durable', { exact: true }).waitFor()
      const text = await steps.innerText()
      assert.match(text, /00000000000000000000\.log/)
      assert.match(text, /from byte [\d,]+ to [\d,]+/)
      assert.match(text, /Visible/)
      assert.match(text, /billing\s+1 message before it/)
      assert.match(text, /mailing\s+has read past it/)
      await page.locator('.message-detail').getByText('order 11').waitFor()
    })
  })

  test('the trail is found by key and by id too, and leads to the browser', async () => {
    await onPage('#/trail?topic=orders&key=o-4', async (page) => {
      await page.getByText('orders, partition 0, offset 2').waitFor()
      const form = page.getByRole('form', { name: 'Which message' })
      await form.getByLabel('Find by').selectOption('id')
      await form.getByLabel('Id', { exact: true }).fill('id-7')
      await page.keyboard.press('Enter')
      await page.getByText('orders, partition 1, offset 3').waitFor()
      await page.getByRole('link', { name: 'In the browser' }).click()
      await page.getByRole('button', { name: '1:3', exact: true }).waitFor()
      await page.goto(`${served.url}#/trail?topic=orders&id=nobody`)
      await page.getByRole('alert').waitFor()
    })
  })
})
