/** Chromium, driven by Playwright, for tests of the console. */

import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const found = places.find((place) => existsSync(place))

/** For the `skip` option of a test: false, or why it is skipped. */
export function withoutChromium(): string | false {
  if (found !== undefined) return false
  const line = 'SKIPPED: chromium is not installed; .ci/run installs it.'
  console.error(`\n!!! ${line}\n`)
  return line
}

export function launchChromium(): Promise<Browser> {
  // Its sandbox needs rights that containers and root do not have; it shows nothing but our own pages.
  return chromium.launch({ executablePath: found, args: ['--no-sandbox', '--disable-gpu'] })
}

export interface WatchedPage {
  readonly page: Page
  /** What should never happen on any page: scripts that fail, dialogs of the browser, requests to other addresses. */
  readonly complaints: readonly string[]
}

/** A page of its own in a profile of its own, with its complaints. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith('data:')) {
      complaints.push(`request: ${request.url()}`)
    }
  })
  page.on('console', (line) => {
    // A refused request is logged by the browser itself; the pages show it.
    if (line.type() === 'error' && !line.text().startsWith('Failed to load resource')) complaints.push(line.text())
  })
  await page.goto(url)
  return { page, complaints }
}
