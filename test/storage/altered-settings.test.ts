/** Settings that were changed while a store was open hold after the next start, and a file that says nonsense is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { originOf, resolveSettings } from '../../src/core/settings.js'
import { StoredSettings, withAltered } from '../../src/storage/altered-settings.js'

const base = resolveSettings({ 'max.connections': 9 })
const load = (disk: MemoryDisk) => StoredSettings.load(disk, '/data/config', base)

async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/data/config')
  return disk
}

test('a change holds at once and after a start, until it is taken back', async () => {
  const disk = await emptyDisk()
  const stored = await load(disk)
  await stored.alter({ alterations: [{ name: 'num.partitions', operation: 'set', value: '4' }] })
  await stored.alter({ alterations: [{ name: 'max.connections', operation: 'set', value: '5' }] })
  assert.equal(stored.settings['num.partitions'], 4)
  const again = await load(disk)
  assert.deepEqual([again.settings['num.partitions'], again.settings['max.connections']], [4, 5])
  const asShown = await withAltered(disk, '/data', base)
  assert.equal(originOf(asShown, 'max.connections').kind, 'altered')
  await again.alter({ alterations: [{ name: 'max.connections', operation: 'delete' }] })
  assert.equal((await load(disk)).settings['max.connections'], 9)
  await again.alter({ alterations: [], replaceAll: true })
  assert.equal((await load(disk)).settings['num.partitions'], 1)
})

test('what is only checked, or refused, writes nothing', async () => {
  const disk = await emptyDisk()
  const stored = await load(disk)
  const alterations = [{ name: 'num.partitions', operation: 'set', value: '4' }] as const
  await stored.alter({ alterations, validateOnly: true })
  await assert.rejects(
    stored.alter({ alterations: [...alterations, { name: 'file.engine', operation: 'set', value: 'mmap' }] }),
    { code: 'INVALID_SETTING' },
  )
  assert.equal(stored.settings['num.partitions'], 1)
  assert.equal(await disk.readFile('/data/config/settings.json'), undefined)
})

test('a file that cannot be understood, or says what cannot be, keeps the store shut and is named', async () => {
  const disk = await emptyDisk()
  for (const [text, code] of [
    ['{ half', 'DATA_DIR_DAMAGED'],
    ['{"version":2,"settings":{}}', 'DATA_DIR_DAMAGED'],
    ['{"version":1,"settings":{"num.partitions":4}}', 'DATA_DIR_DAMAGED'],
    ['{"version":1,"settings":{"num.partitions":"0"}}', 'INVALID_SETTING'],
    ['{"version":1,"settings":{"file.engine":"mmap"}}', 'INVALID_SETTING'],
  ] as const) {
    await disk.replaceFile('/data/config/settings.json', Buffer.from(text))
    await assert.rejects(load(disk), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, text)
      assert.match(error.message, /\/data\/config\/settings\.json/)
      return true
    })
  }
})
