/** The files of `config/`: read as the original wrote them, changed without losing what is not ours, whole after any crash. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { JsonConfig } from '../../../src/storage/commitlog/json-config.js'

const path = '/store/config/a.json'

async function diskWith(files: Readonly<Record<string, string>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/store/config')
  for (const [name, text] of Object.entries(files)) await disk.replaceFile(name, Buffer.from(text))
  return disk
}

async function textOn(disk: MemoryDisk, name = path): Promise<string> {
  return (await disk.readFile(name))?.toString() ?? 'no file'
}

test('what nobody here knows of stays in the file', async () => {
  const text = `{"dataVersion":{"counter":7,"stateVersion":2,"timestamp":5},"table":{"T":{"later":{1:"x"}}},"other":[1]}`
  const disk = await diskWith({ [path]: text })
  const config = await JsonConfig.open(disk, path)
  config.root.set('more', true)
  await config.save(1000)
  assert.deepEqual(JSON.parse(await textOn(disk)), {
    dataVersion: { counter: 8, stateVersion: 2, timestamp: 1000 },
    table: { T: { later: { 1: 'x' } } },
    other: [1],
    more: true,
  })
})

test('the backup stands in for a file that is missing, empty or broken, and is not lost for it', async () => {
  const backup = '{"a":1}'
  for (const text of [undefined, '', '{"a":', '[1]']) {
    const disk = await diskWith({ [`${path}.bak`]: backup, ...(text !== undefined && { [path]: text }) })
    const config = await JsonConfig.open(disk, path)
    assert.equal(config.root.get('a'), 1)
    assert.ok(config.restoredBecause !== undefined)
    await config.save(1)
    assert.equal(await textOn(disk, `${path}.bak`), backup)
    assert.equal(JSON.parse(await textOn(disk)).a, 1)
    await config.save(1)
    assert.equal(JSON.parse(await textOn(disk, `${path}.bak`)).dataVersion.counter, 1)
  }
})

test('without a file there is nothing, and what cannot be read is not taken for nothing', async () => {
  const disk = new MemoryDisk()
  const config = await JsonConfig.open(disk, path)
  assert.deepEqual([config.root.size, config.restoredBecause], [0, undefined])
  await config.save(1)
  assert.deepEqual(JSON.parse(await textOn(disk)), { dataVersion: { counter: 1, stateVersion: 0, timestamp: 1 } })
  const broken: readonly Record<string, string>[] = [
    { [path]: '{' },
    { [`${path}.bak`]: '{' },
    { [path]: '{', [`${path}.bak`]: '' },
  ]
  for (const files of broken) {
    await assert.rejects(JsonConfig.open(await diskWith(files), path), {
      code: 'DATA_DIR_DAMAGED',
      message: /a\.json(\.bak)? cannot be read: line 1, column 2: it ends early/,
    })
  }
})

test('power fails at every step of two saves: the file is there, in a version that was saved', async () => {
  let hasCrashed = true
  for (let step = 1; hasCrashed; step++) {
    const disk = await diskWith({ [path]: '{"dataVersion":{"counter":1}}' })
    const config = await JsonConfig.open(disk, path)
    const crash = disk.crashAfter(step)
    let saved = 1
    const life = async (): Promise<void> => {
      for (; saved < 3; saved++) await config.save(1)
    }
    hasCrashed = await Promise.race([crash.then(() => true), life().then(() => false)])
    for (let seed = 0; seed < 8; seed++) {
      const found = disk.afterCrash(new SeededRandomness(seed))
      const version = (await JsonConfig.open(found, path)).root.get('dataVersion')
      const counter = version instanceof Map ? version.get('counter') : undefined
      assert.ok(counter === saved || counter === saved + 1, `${counter} after ${saved}`)
    }
  }
})
