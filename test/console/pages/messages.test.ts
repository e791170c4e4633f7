/** The message browser in a real browser, against a real broker: finding, turning pages, looking closely, live tail, sending. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { launchChromium, openPage, type WatchedPage, withoutChromium } from '../../support/browser.js'
import { type ServedConsole, serveConsole } from '../../support/served-console.js'
import { until } from '../../support/until.js'

describe('the message browser', { skip: withoutChromium() }, () => {
  let directory: TemporaryDirectory
  let served: ServedConsole
  let browser: Browser

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-pages-')
    served = await serveConsole(directory.path, { settings: { 'key.index.enable': 'true' } })
    browser = await launchChromium()
  })

  after(async () => {
    await browser?.close()
    await served?.broker.end('SIGTERM')
    await directory?.remove()
  })

  /** Opens a page, works with it, and holds it to have complained of nothing. */
  async function onPage(address: string, work: (page: Page) => Promise<void>): Promise<void> {
    const watched: WatchedPage = await openPage(browser, `${served.url}${address}`)
    await work(watched.page)
    assert.deepEqual(watched.complaints, [])
    await watched.page.context().close()
  }

  async function topicWith(name: string, partitions: number, messages: readonly object[]): Promise<void> {
    await served.post('api/topics', { name, partitions })
    for (const message of messages) await served.post(`api/topics/${encodeURIComponent(name)}/messages`, message)
  }

  const numbered = (length: number) =>
    Array.from({ length }, (_, index) => ({ key: `k-${index}`, value: JSON.stringify({ n: index }), partition: 0 }))

  const rows = (page: Page) => page.locator('table[aria-label="Messages"] > tbody > tr.is-open')
  /** The row of an offset, by what its opener says. */
  const opener = (page: Page, text: string) => page.getByRole('button', { name: text, exact: true })

  test('the newest come first; pages go back to the start and forward to the end without a gap', async () => {
    await topicWith('paged', 1, numbered(50))
    await onPage('#/topics/paged/messages?limit=20', async (page) => {
      const offsets = async () =>
        (await rows(page).locator('.message-opener').allInnerTexts()).map((text) => Number(text.split(':')[1]))
      const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index)
      await opener(page, '0:49').waitFor()
      assert.deepEqual(await offsets(), down(49, 30))
      await page.getByRole('button', { name: 'Older' }).click()
      await opener(page, '0:10').waitFor()
      assert.deepEqual(await offsets(), down(29, 10))
      await page.getByRole('button', { name: 'Older' }).click()
      await opener(page, '0:0').waitFor()
      assert.deepEqual(await offsets(), down(9, 0))
      assert.ok(await page.getByRole('button', { name: 'Older' }).isDisabled())
      await page.getByRole('button', { name: 'Newer' }).click()
      await opener(page, '0:10').waitFor()
      await page.keyboard.press('[')
      await opener(page, '0:49').waitFor()
      assert.ok(await page.getByRole('button', { name: 'Newer' }).isDisabled())
    })
  })

  test('every partition is paged through, each message once', async () => {
    const messages = Array.from({ length: 60 }, (_, index) => ({ value: `v-${index}`, partition: index % 3 }))
    await topicWith('wide', 3, messages)
    await onPage('#/topics/wide/messages?limit=20', async (page) => {
      const seen = new Set<string>()
      await rows(page).first().waitFor()
      for (let turns = 0; turns < 20; turns++) {
        for (const text of await rows(page).locator('.message-opener').allInnerTexts()) {
          assert.ok(!seen.has(text), `${text} is shown twice`)
          seen.add(text)
        }
        const older = page.getByRole('button', { name: 'Older' })
        if (await older.isDisabled()) break
        const first = await rows(page).first().innerText()
        await older.click()
        await until('another page', async () => {
          const isStale = (await page.locator('.is-stale').count()) > 0
          return !isStale && (await rows(page).first().innerText()) !== first
        })
      }
      assert.equal(seen.size, 60)
    })
  })

  test('by offset, time, key, id and tags', async () => {
    const start = Date.now()
    await topicWith('found', 1, [
      ...numbered(10),
      { key: 'special', value: 'by key', id: 'm-17', tags: 'paid', partition: 0 },
      ...numbered(5),
    ])
    await onPage('#/topics/found/messages', async (page) => {
      const form = page.getByRole('form', { name: 'Which messages' })
      await opener(page, '0:15').waitFor()
      const show = async (by: string, label: string, at: string) => {
        await form.getByLabel('Begin at').selectOption({ label: by })
        await form.getByRole('textbox', { name: label }).fill(at)
        await form.getByRole('button', { name: 'Show' }).click()
      }
      await show('Offset', 'Offset', '12')
      await page.waitForURL(/by=offset&at=12/)
      await opener(page, '0:11').waitFor({ state: 'detached' })
      assert.equal(await rows(page).count(), 4)
      await show('Offset', 'Offset', '-1')
      await page.getByText('An offset is a whole number').waitFor()
      await show('Key', 'Key', 'special')
      await opener(page, '0:12').waitFor({ state: 'detached' })
      assert.equal(await rows(page).count(), 1)
      assert.match(await rows(page).first().innerText(), /by key/)
      await show('Message id', 'Message id', 'nowhere')
      await page.getByText('No message has this id.').waitFor()
      await show('Message id', 'Message id', 'm-17')
      await opener(page, '0:10').waitFor()

      await form.getByLabel('Begin at').selectOption({ label: 'Time' })
      const tomorrow = await page.evaluate((ms) => {
        const date = new Date(ms + 86_400_000)
        return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
      }, start)
      await form.getByLabel('Time (local)').fill(tomorrow)
      await form.getByRole('button', { name: 'Show' }).click()
      await page.getByText('No messages from there on.').waitFor()
      await form.getByLabel('Begin at').selectOption({ label: 'Oldest' })
      await form.getByLabel('Tags').fill('paid')
      await form.getByRole('button', { name: 'Show' }).click()
      await opener(page, '0:10').waitFor()
      assert.equal(await rows(page).count(), 1)
    })
    // What the address says is shown again.
    await onPage('#/topics/found/messages?by=offset&at=14', async (page) => {
      await opener(page, '0:14').waitFor()
      assert.equal(await rows(page).count(), 2)
    })
  })

  test('a message opened: JSON laid out, text, hex, headers, null, bytes that are no text', async () => {
    await topicWith('looked-at', 1, [
      {
        key: 'json',
        value: '{"id":12345678901234567890}',
        headers: [
          { key: 'trace', value: 'abc' },
          { key: 'trace', value: null },
        ],
      },
      { key: null, value: null },
      { value: Buffer.from([0, 0xff, 0x41]).toString('base64'), encoding: 'base64' },
    ])
    await onPage('#/topics/looked-at/messages?by=oldest', async (page) => {
      await opener(page, '0:0').click()
      const detail = page.locator('.message-detail')
      assert.equal(await detail.locator('pre').nth(1).innerText(), '{\n  "id": 12345678901234567890\n}')
      assert.deepEqual(await detail.locator('.headers > div').allInnerTexts(), ['trace\nabc', 'trace\nnull'])
      await detail.getByRole('button', { name: 'Hex' }).click()
      assert.match(await detail.locator('pre').nth(1).innerText(), /^000000 {2}7b 22 69 64/)
      await detail.getByRole('button', { name: 'Text' }).click()
      assert.equal(await detail.locator('pre').nth(1).innerText(), '{"id":12345678901234567890}')
      await opener(page, '0:0').click()
      await opener(page, '0:1').click()
      assert.equal(await detail.getByText('null', { exact: true }).count(), 2)
      await opener(page, '0:1').click()
      await opener(page, '0:2').click()
      assert.match(await detail.locator('pre').innerText(), /^000000 {2}00 ff 41 +··A$/)
      assert.match(await rows(page).nth(2).innerText(), /00 ff 41/)
    })
  })

  test('script in keys, values, headers, ids and addresses is text', async () => {
    const script = '<img src=x onerror=alert(1)><script>alert(2)</script>'
    await topicWith('hostile', 1, [
      { key: script, value: script, headers: [{ key: script, value: script }], id: script, tags: 'plain' },
      { key: '"><svg onload=alert(3)>', value: JSON.stringify({ [script]: script }) },
    ])
    await onPage('#/topics/hostile/messages', async (page) => {
      await opener(page, '0:0').click()
      await opener(page, '0:1').click()
      assert.equal(await page.locator('main script, main img, main svg[onload]').count(), 0)
      assert.ok((await page.locator('.message-detail').last().innerText()).split(script).length - 1 >= 4)
    })
    await onPage(`#/topics/${encodeURIComponent(script)}/messages`, async (page) => {
      await page.getByRole('alert').waitFor()
      assert.equal(await page.locator('main script, main img').count(), 0)
    })
    await onPage(`#/trail?topic=hostile&partition=0&offset=0`, async (page) => {
      await page.getByRole('list', { name: 'What became of the message' }).waitFor()
      assert.equal(await page.locator('main script, main img').count(), 0)
    })
  })

  test('a message is sent with key, value, headers, tags and id, and one after its pattern', async () => {
    await topicWith('sent', 2, [])
    await onPage('#/topics/sent/messages', async (page) => {
      await page.getByText('The topic is empty.').waitFor()
      await page.keyboard.press('n')
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Key').fill('order-1')
      await dialog.getByLabel('Value', { exact: true }).fill('{"a": 1}')
      await dialog.getByLabel('Tags').fill('paid')
      await dialog.getByLabel('Message id').fill('id-1')
      await dialog.getByLabel('Partition').fill('1')
      await dialog.getByRole('button', { name: 'Add a header' }).click()
      await dialog.getByLabel('Name of header 1').fill('source')
      await dialog.getByLabel('Value of header 1').fill('a test')
      await dialog.getByRole('button', { name: 'Send' }).click()
      await page.getByText('Sent to partition 1, offset 0').waitFor()
      await opener(page, '1:0').click()
      await page.getByRole('button', { name: 'Send again…' }).click()
      assert.equal(await dialog.getByLabel('Value', { exact: true }).inputValue(), '{"a": 1}')
      await dialog.getByLabel('Encoding').selectOption('base64')
      await dialog.getByText('Key or value is not base64.').waitFor()
      assert.ok(await dialog.getByRole('button', { name: 'Send' }).isDisabled())
      await dialog.getByLabel('Key').fill('')
      await dialog.getByLabel('Value', { exact: true }).fill('AP9B')
      await dialog.getByRole('button', { name: 'Send' }).click()
      await page
        .getByText(/Sent to partition [01], offset/)
        .nth(1)
        .waitFor()
    })
    const { messages } = await served.get<{
      messages: { key: { text: string }; tags: string; id: string; headers: unknown[] }[]
    }>('api/topics/sent/messages?partition=1&offset=0')
    assert.equal(messages[0].key.text, 'order-1')
    assert.equal(messages[0].tags, 'paid')
    assert.equal(messages[0].id, 'id-1')
  })

  test('a message that is refused says so, and the dialog keeps what was typed', async () => {
    await served.post('api/topics', { name: 'small', config: { 'max.message.bytes': '1000' } })
    await onPage('#/topics/small/messages', async (page) => {
      await page.getByRole('button', { name: 'Send a message…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Value', { exact: true }).fill('x'.repeat(5000))
      await dialog.getByRole('button', { name: 'Send' }).click()
      await dialog.getByRole('alert').waitFor()
      assert.match(await dialog.getByRole('alert').innerText(), /TOO_LARGE/)
      assert.equal((await dialog.getByLabel('Value', { exact: true }).inputValue()).length, 5000)
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
    })
  })

  test('the live tail shows what is sent, pauses, and goes on with what waited', async () => {
    await topicWith('live', 1, [{ value: 'before' }])
    await onPage('#/topics/live/messages?live=1', async (page) => {
      await page.getByText('Waiting for messages.').waitFor()
      await page.locator('main').getByText('Live', { exact: true }).waitFor()
      await served.post('api/topics/live/messages', { value: 'first' })
      await page.getByText('first', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Pause' }).click()
      await page.getByText('Paused').waitFor()
      await served.post('api/topics/live/messages', { value: 'second' })
      await page.getByText(/2 received, 1 waiting/).waitFor()
      assert.equal(await page.getByText('second', { exact: true }).count(), 0)
      await page.keyboard.press(' ')
      await page.getByText('second', { exact: true }).waitFor()
      assert.equal(await page.getByText('before', { exact: true }).count(), 0)
    })
  })

  test('the keyboard alone reaches a message and closes it again', async () => {
    await topicWith('keys', 1, numbered(3))
    await onPage('#/topics/keys/messages', async (page) => {
      await opener(page, '0:2').waitFor()
      await page.keyboard.press('j')
      await page.keyboard.press('j')
      await page.keyboard.press('Enter')
      await page.locator('.message-detail').waitFor()
      assert.equal(await opener(page, '0:1').getAttribute('aria-expanded'), 'true')
      await page.keyboard.press('k')
      assert.equal(await page.evaluate('document.activeElement.innerText'), '0:2')
    })
  })

  test('a topic that is not there is an error with a code, not an empty page', async () => {
    await onPage('#/topics/nowhere/messages', async (page) => {
      await page.getByText('UNKNOWN_TOPIC_OR_PARTITION').first().waitFor()
    })
  })
})
