/** The documents tell the truth: reference pages equal the tables, links lead somewhere. That examples run: examples.test.ts. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { referencePages } from '../scripts/reference-pages.js'
import { errorTable } from '../src/core/errors.js'

const root = resolve(import.meta.dirname, '..')
const documents = [
  'README.md',
  'README.zh-CN.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

for (const [path, text] of referencePages()) {
  test(`${path.slice(root.length + 1)} is what the source says (npm run docs writes it)`, () => {
    assert.equal(readFileSync(path, 'utf8'), text)
  })
}

test("Kafka error numbers are Kafka's, and ours alone share UNKNOWN_SERVER_ERROR or a fitting one", () => {
  const byNumber = new Map<number, string[]>()
  for (const [code, { kafka }] of Object.entries(errorTable))
    byNumber.set(kafka, [...(byNumber.get(kafka) ?? []), code])
  const shared = [...byNumber].filter(([kafka, codes]) => kafka !== -1 && codes.length > 1).map(([kafka]) => kafka)
  assert.deepEqual(
    shared.sort((a, b) => a - b),
    [40, 42, 56],
  )
})

test('links between documents lead to files, and to headings that are there', () => {
  const broken: string[] = []
  for (const document of documents) {
    for (const target of linksOf(read(document))) {
      if (/^[a-z]+:/.test(target)) continue
      const [path, anchor] = target.split('#')
      const file = path === '' ? document : join(dirname(document), path)
      if (!existsSync(join(root, file))) broken.push(`${document} > ${target}`)
      else if (anchor !== undefined && !anchorsOf(read(file)).includes(anchor)) broken.push(`${document} > ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})

test('every document is in the index of documents', () => {
  const indexed = linksOf(read('docs/README.md')).map((target) => join('docs', target))
  const own = documents.filter((document) => document.startsWith('docs/') && document !== 'docs/README.md')
  assert.deepEqual(
    own.filter((document) => !indexed.includes(document)),
    [],
  )
})

test('the Chinese README says the same as the English one: headings, tables, code, links', () => {
  const shape = (document: string) => {
    const text = read(document)
    const prose = withoutCode(text)
    return {
      headings: [...prose.matchAll(/^#+/gm)].map(([marks]) => marks.length),
      tableRows: [...prose.matchAll(/^\|/gm)].length,
      code: [...text.matchAll(/```[\s\S]*?```/g)].map(([block]) => block),
      inlineCode: [...prose.matchAll(/`[^`]+`/g)].map(([code]) => code).sort(),
      links: linksOf(prose)
        .filter((target) => !target.startsWith('README'))
        .sort(),
    }
  }
  assert.deepEqual(shape('README.zh-CN.md'), shape('README.md'))
})

function read(document: string): string {
  return readFileSync(join(root, document), 'utf8')
}

function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]*?```/g, '')
}

function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, target]) => target)
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  const anchors: string[] = []
  for (const [, heading] of withoutCode(text).matchAll(/^#+ (.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    const before = anchors.filter((anchor) => anchor === slug || anchor.replace(/-\d+$/, '') === slug).length
    anchors.push(before === 0 ? slug : `${slug}-${before}`)
  }
  return anchors
}

test('source files that the documents name exist', () => {
  // What a run makes, and git ignores, is not there in a fresh clone.
  const made = ['.gitignore', 'bench/.gitignore'].flatMap((file) =>
    readFileSync(join(root, file), 'utf8').split('\n').filter(Boolean),
  )
  const missing: string[] = []
  for (const document of documents) {
    for (const [, path] of read(document).matchAll(
      /`((?:src|test|bench|scripts|sim|console|deploy|docs)\/[\w./-]+)`/g,
    )) {
      const isMade = made.some((name) => `${path}/`.includes(`/${name}`))
      if (!isMade && !existsSync(join(root, path))) missing.push(`${document} > ${path}`)
    }
  }
  assert.deepEqual(missing, [])
})
