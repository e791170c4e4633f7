/**
 * Takes the pictures of the console in `docs/images/`: each page in light, dark and narrow, from a broker with a shop's
 * traffic. `npm run build && node --import tsx scripts/screenshots.ts [words of names]`; needs Chromium.
 */

import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { makeTemporaryDirectory } from '../src/files/temporary-directory.js'
import { launchChromium, openPage } from '../test/support/browser.js'
import { serveConsole } from '../test/support/served-console.js'
import { openShop } from './screenshots/sample-shop.js'

const images = resolve(import.meta.dirname, '../docs/images')
const wanted = process.argv.slice(2)

interface Shot {
  readonly name: string
  readonly address: string
  /** Of a page that is shown in all looks already: light is enough, and pictures are large. */
  readonly isPart?: boolean
  /** What is done before the picture is taken. */
  readonly prepare?: (page: Page) => Promise<void>
}

const shots: readonly Shot[] = [
  { name: 'overview', address: '#/' },
  { name: 'topics', address: '#/topics' },
  { name: 'topic', address: '#/topics/orders' },
  { name: 'messages', address: '#/topics/orders/messages', prepare: openMessage },
  { name: 'live-tail', isPart: true, address: '#/topics/orders/messages?live=1' },
  { name: 'send', isPart: true, address: '#/topics/orders/messages', prepare: fillMessage },
  { name: 'groups', address: '#/groups' },
  { name: 'group', address: '#/groups/search-index' },
  { name: 'reset-offsets', isPart: true, address: '#/groups/nightly-export', prepare: previewReset },
  { name: 'trail', address: '#/trail?topic=orders&key=order-100417' },
  { name: 'storage', address: '#/storage' },
  { name: 'storage-log', address: '#/storage/orders/2' },
  { name: 'settings', address: '#/settings' },
  { name: 'reports', address: '#/reports', prepare: verify },
]

const looks: readonly (readonly [suffix: string, options: BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['narrow', { colorScheme: 'light', viewport: { width: 390, height: 780 } }],
]

async function openMessage(page: Page): Promise<void> {
  await page.locator('.message-opener').nth(1).click()
}

async function fillMessage(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Send a message…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Key').fill('order-104711')
  await dialog.getByLabel('Value', { exact: true }).fill('{\n  "order": 104711,\n  "express": true\n}')
  await dialog.getByLabel('Tags').fill('placed')
  await dialog.getByRole('button', { name: 'Add a header' }).click()
  await dialog.getByLabel('Name of header 1').fill('source')
  await dialog.getByLabel('Value of header 1').fill('console')
}

async function previewReset(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Reset offsets…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Preview' }).click()
  await page.getByRole('table', { name: 'What would change' }).waitFor()
}

async function verify(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Verify all that is stored' })
  await button.click()
  await page.locator('.badge').getByText('sound').waitFor()
}

async function take(browser: Browser, url: string, { name, address, prepare, isPart = false }: Shot): Promise<void> {
  for (const [suffix, options] of isPart ? looks.slice(0, 1) : looks) {
    const { page } = await openPage(browser, `${url}${address}`, options)
    await page.locator('main h1').waitFor()
    await page.waitForTimeout(1500)
    await prepare?.(page)
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(images, `console-${name}-${suffix}.png`), animations: 'disabled' })
    await page.context().close()
  }
  console.log(name)
}

const directory = await makeTemporaryDirectory('holdfast-shop-')
const served = await serveConsole(join(directory.path, 'shop'), {
  settings: { 'key.index.enable': 'true', 'log.segment.bytes': 1 << 20, 'file.preallocate': 'ahead' },
})
const shop = await openShop(served.broker.address, served.post)
const browser = await launchChromium()
try {
  mkdirSync(images, { recursive: true })
  // The charts show some minutes of traffic.
  await new Promise((wait) => setTimeout(wait, Number(process.env['SHOP_SECONDS'] ?? 150) * 1000))
  for (const shot of shots) {
    if (wanted.length === 0 || wanted.some((word) => shot.name.includes(word))) await take(browser, served.url, shot)
  }
} finally {
  await browser.close()
  await shop.stop()
  await served.broker.end('SIGTERM')
  await directory.remove()
}
