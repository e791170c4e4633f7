/** Topics, storage, settings, reports and the overview in a real browser, each action done, in light, dark and narrow. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { launchChromium, openPage, withoutChromium } from '../../support/browser.js'
import { type ServedConsole, serveConsole } from '../../support/served-console.js'
import { until } from '../../support/until.js'

describe('the pages of the console', { skip: withoutChromium() }, () => {
  let directory: TemporaryDirectory
  let served: ServedConsole
  let browser: Browser

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-pages-')
    served = await serveConsole(directory.path, { settings: { 'log.segment.bytes': 1 << 20 } })
    browser = await launchChromium()
  })

  after(async () => {
    await browser?.close()
    await served?.broker.end('SIGTERM')
    await directory?.remove()
  })

  async function onPage(address: string, work: (page: Page) => Promise<void>, options?: BrowserContextOptions) {
    const { page, complaints } = await openPage(browser, `${served.url}${address}`, options)
    await work(page)
    assert.deepEqual(complaints, [])
    await page.context().close()
  }

  const row = (page: Page, table: string, text: string) =>
    page.getByRole('table', { name: table, exact: true }).locator('tbody tr', { hasText: text })

  test('a topic is made, its settings changed within bounds, partitions added, and it is deleted by its name', async () => {
    await onPage('#/topics', async (page) => {
      await page.getByText('There is no topic yet.').waitFor()
      await page.keyboard.press('c')
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Name').fill('a/b')
      await dialog.getByText('cannot be in a name').waitFor()
      await dialog.getByLabel('Name').fill('made-here')
      await dialog.getByRole('spinbutton').fill('3')
      await dialog.getByLabel('Messages stay').selectOption({ label: 'a day' })
      await dialog.getByRole('button', { name: 'Create' }).click()
      await page.getByRole('heading', { name: 'made-here' }).waitFor()
      const partitions = page.getByRole('table', { name: 'Partitions' }).locator('tbody tr')
      await partitions.nth(2).waitFor()
      assert.equal(await partitions.count(), 3)
      assert.match(await row(page, 'Settings of the topic', 'retention.ms').first().innerText(), /86400000[\s\S]*topic/)

      await page.getByRole('button', { name: 'Change max.message.bytes' }).click()
      await dialog.getByLabel('Value').fill('-5')
      assert.ok(await dialog.getByRole('button', { name: 'Save' }).isDisabled())
      await dialog.getByLabel('Value').fill('2000')
      await dialog.getByRole('button', { name: 'Save' }).click()
      await page.getByText('max.message.bytes = 2000').waitFor()
      await page.getByRole('button', { name: 'Change max.message.bytes' }).click()
      await dialog.getByText("Take the topic's own value away").click()
      await dialog.getByRole('button', { name: "Take the broker's" }).click()
      await page.getByText("max.message.bytes is the broker's again").waitFor()

      await page.getByRole('button', { name: 'Add partitions' }).click()
      await dialog.getByLabel('Partitions in all').fill('5')
      await dialog.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByText('made-here has 5 partitions').waitFor()

      await page.getByRole('button', { name: 'Delete', exact: true }).click()
      assert.ok(await dialog.getByRole('button', { name: 'Delete for ever' }).isDisabled())
      await dialog.getByLabel("Type the topic's name to go on").fill('made-here')
      await dialog.getByRole('button', { name: 'Delete for ever' }).click()
      await page.getByText('There is no topic yet.').waitFor()
    })
  })

  test('a failed request is told with its code: a topic that exists', async () => {
    await served.post('api/topics', { name: 'taken' })
    await onPage('#/topics', async (page) => {
      await page.getByRole('button', { name: 'Create a topic' }).click()
      await page.getByRole('dialog').getByLabel('Name').fill('taken')
      await page.keyboard.press('Enter')
      assert.match(await page.getByRole('dialog').getByRole('alert').innerText(), /TOPIC_ALREADY_EXISTS/)
    })
  })

  test('the overview says how the broker is, every second anew', async () => {
    await onPage('#/', async (page) => {
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      const tile = page.getByRole('region', { name: 'Messages in' })
      await tile.waitFor()
      const sending = (async () => {
        for (let n = 0; n < 100; n++) await served.post('api/topics/taken/messages', { value: `v${n}` })
      })()
      await until('the tile counts what was sent', async () =>
        /[1-9]/.test(await tile.locator('.tile-value').innerText()),
      )
      await sending
      await page.getByText('SYNC_FLUSH').waitFor()
      assert.ok((await page.locator('canvas').count()) >= 2)
    })
  })

  test('the storage view shows a flush and a roll while they happen', async () => {
    await served.post('api/topics', { name: 'rolling' })
    await served.post('api/topics/rolling/messages', { value: 'x' })
    await onPage('#/storage', async (page) => {
      await row(page, 'Logs', 'rolling-0').getByRole('link').click()
      await page.getByRole('heading', { name: 'rolling-0' }).waitFor()
      await page.getByText(/^the latest [1-9]/).waitFor()
      await page.getByText(/^1 file,/).waitFor()
      // Nothing that a producer could compress.
      const value = randomBytes(300_000).toString('base64')
      for (let n = 0; n < 4; n++) await served.post('api/topics/rolling/messages', { value })
      await page.getByText(/^[2-9] files,/).waitFor()
    })
  })

  test('settings with their origin, searched', async () => {
    await onPage('#/settings', async (page) => {
      await page.keyboard.press('/')
      await page.keyboard.type('log.segment.bytes')
      await row(page, 'Settings', 'log.segment.bytes').first().waitFor()
      assert.match(await row(page, 'Settings', 'log.segment.bytes').first().innerText(), /1048576[\s\S]*flag/)
      await page.getByLabel('Find a setting').fill('')
      await page.getByLabel('Only what is not the default').check()
      await row(page, 'Settings', 'retention.ms').first().waitFor({ state: 'detached' })
    })
  })

  test('all that is stored is verified, and the last start is told', async () => {
    await onPage('#/reports', async (page) => {
      await page.getByText('Nothing was verified since the start.').waitFor()
      await page.getByRole('button', { name: 'Verify all that is stored' }).click()
      await page.getByText('sound', { exact: true }).waitFor()
    })
  })

  test('the keyboard goes everywhere, and says what it can', async () => {
    await onPage('#/', async (page) => {
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: 'Keyboard' }).getByText('Groups').waitFor()
      await page.keyboard.press('Escape')
      for (const [key, heading] of [
        ['t', 'Topics'],
        ['g', 'Groups'],
        ['f', 'Trail of a message'],
        ['s', 'Storage'],
        ['e', 'Settings'],
        ['r', 'Reports'],
      ] as const) {
        await page.keyboard.press('g')
        await page.keyboard.press(key)
        await page.getByRole('heading', { name: heading, exact: true, level: 1 }).waitFor()
      }
      await page.keyboard.press('Tab')
      assert.notEqual(await page.evaluate('document.activeElement === document.body'), true)
    })
  })

  const addresses = [
    '#/',
    '#/topics',
    '#/topics/rolling',
    '#/topics/rolling/messages',
    '#/groups',
    '#/trail?topic=rolling&partition=0&offset=0',
    '#/storage',
    '#/storage/rolling/0',
    '#/settings',
    '#/reports',
  ]

  test('narrow screens scroll down and not sideways, on every page', async () => {
    const narrow = { viewport: { width: 360, height: 740 } }
    await onPage(
      addresses[0],
      async (page) => {
        for (const address of addresses) {
          await page.goto(`${served.url}${address}`)
          await page.locator('main h1').waitFor()
          await page.locator('.loading').first().waitFor({ state: 'detached' })
          const width = Number(await page.evaluate('document.documentElement.scrollWidth'))
          assert.ok(width <= 360, `${address} is ${width} px wide`)
        }
      },
      narrow,
    )
  })

  test('light and dark, by the system and by choice, with text that can be read', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await onPage(
        '#/topics/rolling/messages',
        async (page) => {
          await page.locator('.message-opener').first().click()
          const isDark = async () =>
            Number(await page.evaluate(luminance('document.documentElement', 'backgroundColor'))) < 0.2
          assert.equal(await isDark(), colorScheme === 'dark')
          for (const selector of [
            'h1',
            '.quiet-text',
            '.navigation a',
            'button.primary',
            '.message-detail pre',
            'td a, td button',
          ]) {
            const contrast = Number(await page.evaluate(contrastOf(selector)))
            assert.ok(contrast >= 4.4, `${selector} has a contrast of ${contrast.toFixed(2)} in ${colorScheme}`)
          }
          await page.getByRole('button', { name: 'Theme: system' }).click()
          await page.getByRole('button', { name: 'Theme: light' }).click()
          assert.ok(await isDark())
          await page.reload()
          await page.locator('main h1').waitFor()
          assert.ok(await isDark(), 'the choice is kept')
        },
        { colorScheme },
      )
    }
  })
})

/** Expressions for the browser, as text, since this program knows no DOM. WCAG's relative luminance. */
function luminance(element: string, property: string): string {
  return `(() => {
    const [r, g, b] = getComputedStyle(${element}).${property}.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const share = Number(part) / 255
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  })()`
}

function contrastOf(selector: string): string {
  return `(() => {
    const element = document.querySelector(${JSON.stringify(selector)})
    let ground = element
    while (/, 0\\)$|transparent/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement
    const text = ${luminance('element', 'color')}
    const behind = ${luminance('ground', 'backgroundColor')}
    return (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05)
  })()`
}
