/** What `npm run build` makes of the console's pages: whole, small, and content with the address that served it. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const directory = resolve(import.meta.dirname, '../../dist/console/pages')
const page = readFileSync(join(directory, 'index.html'), 'utf8')
const files = readdirSync(directory)

test('the page names files that are there, and each carries a hash of its content', () => {
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1])
  assert.ok(named.length >= 4)
  for (const name of named) assert.ok(existsSync(join(directory, name)), name)
  for (const name of named.filter((each) => /\.(js|css)$/.test(each))) assert.match(name, /-[A-Z0-9]{8}\.\w+$/)
})

test('no script and no style stands in the page itself', () => {
  assert.doesNotMatch(page, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/)
})

test('nothing is fetched from another address', () => {
  // Names of XML's languages are no addresses.
  const names = /^http:\/\/www\.w3\.org\//
  const addresses = files
    .filter((name) => name !== 'LICENSES.txt')
    .flatMap(
      (name) =>
        readFileSync(join(directory, name), 'utf8').match(/(?:https?:)?\/\/[a-z][\w-]*\.[a-z]+[^"'`)\s]*/g) ?? [],
    )
  assert.deepEqual(
    addresses.filter((address) => !names.test(address)),
    [],
  )
})

test('what is bundled brings its licenses along', () => {
  const licenses = readFileSync(join(directory, 'LICENSES.txt'), 'utf8')
  for (const name of ['preact', '@preact/signals', 'uplot']) assert.match(licenses, new RegExp(`^${name}\n`, 'm'))
})

test('all of it is a small download', () => {
  const bytes = files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  assert.ok(bytes < 400_000, `${bytes} bytes`)
})
